using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Execution;

/// <summary>
/// A runtime whose forward calls fail as a native one does: some rows of the batch have been computed and stay. It fails every third call up
/// to a number of failures, or every batch that holds a certain token. With fewer than no rows kept, it loses the sequences altogether.
/// </summary>
internal sealed class PartialFailureRuntime(FakeModelRuntime inner, int failures = 0, int rowsKept = 0, int poison = -1, ForwardStatus status = ForwardStatus.Failed) : IModelRuntime
{
    private readonly ForwardBatch _part = new();
    private int _calls;

    public ModelInfo Model => inner.Model;

    public RuntimeLimits Limits => inner.Limits;

    public ITokenizer Tokenizer => inner.Tokenizer;

    public IMediaProcessor? Media => null;

    public ForwardStatus Forward(ForwardBatch batch)
    {
        var fails = poison >= 0 ? batch.Tokens.Contains(poison) : ++_calls % 3 == 0 && failures-- > 0;
        if (!fails) return inner.Forward(batch);
        _part.Clear();
        for (var i = 0; i < Math.Min(rowsKept, batch.Count); i++) _part.Add(batch.Tokens[i], batch.Positions[i], batch.Sequences[i], false);
        if (_part.Count > 0) inner.Forward(_part);
        if (rowsKept < 0)
        {
            foreach (var sequence in batch.Sequences) inner.Release(sequence);
        }

        return status;
    }

    public ForwardStatus ForwardMedia(int sequence, int position, MediaInput input) => inner.ForwardMedia(sequence, position, input);

    public ReadOnlySpan<float> Logits(int row) => inner.Logits(row);

    public int Length(int sequence) => inner.Length(sequence);

    public int Rewind(int sequence, int length) => inner.Rewind(sequence, length);

    public bool TryFork(int from, int to, int length) => inner.TryFork(from, to, length);

    public SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope) => inner.Snapshot(sequence, scope);

    public bool Restore(int sequence, SequenceSnapshot snapshot) => inner.Restore(sequence, snapshot);

    public void Release(int sequence) => inner.Release(sequence);

    public void Dispose() => inner.Dispose();
}
