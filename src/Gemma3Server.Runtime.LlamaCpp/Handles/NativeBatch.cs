using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>
/// Owns the native arrays of one <c>llama_batch</c> of tokens and is refilled for each step, so that a step allocates nothing.
/// </summary>
/// <remarks>Not thread-safe; owned by the engine loop. Callers keep within the capacity.</remarks>
internal sealed unsafe class NativeBatch : NativeHandle
{
    private LlamaBatch _batch;

    public NativeBatch(int capacity)
    {
        _batch = LlamaNative.llama_batch_init(capacity, 0, 1);
        _batch.Count = 0;
        SetHandle((nint)_batch.Tokens);
        Capacity = capacity;
    }

    public int Capacity { get; }

    public int Count => _batch.Count;

    /// <summary>The batch to hand to <c>llama_decode</c>; shares this object's memory.</summary>
    public LlamaBatch Value => _batch;

    public void Clear() => _batch.Count = 0;

    public void Add(int token, int position, int sequence, bool wantLogits)
    {
        if ((uint)_batch.Count >= (uint)Capacity) throw new InvalidOperationException("The native batch is full.");
        var row = _batch.Count++;
        _batch.Tokens[row] = token;
        _batch.Positions[row] = position;
        _batch.SequenceCounts[row] = 1;
        _batch.Sequences[row][0] = sequence;
        _batch.WantLogits[row] = wantLogits ? (sbyte)1 : (sbyte)0;
    }

    public bool WantsLogits(int row) => (uint)row < (uint)_batch.Count && _batch.WantLogits[row] != 0;

    /// <summary>This batch's arrays with rows of embeddings in place of tokens, at consecutive positions of one sequence, without logits.</summary>
    public LlamaBatch WithEmbeddings(float* rows, int count, int position, int sequence)
    {
        Clear();
        for (var i = 0; i < count; i++) Add(0, position + i, sequence, wantLogits: false);
        var batch = _batch;
        batch.Tokens = null;
        batch.Embeddings = rows;
        Clear();
        return batch;
    }

    protected override void Free() => LlamaNative.llama_batch_free(_batch);
}
