namespace Gemma3Server.Runtime;

/// <summary>
/// The rows of one forward step, as parallel arrays. It is reused from step to step, so a steady decode allocates nothing.
/// </summary>
/// <remarks>Not thread-safe; owned by the engine loop.</remarks>
public sealed class ForwardBatch
{
    private int[] _tokens;
    private int[] _positions;
    private int[] _sequences;
    private bool[] _wantLogits;

    /// <summary>Creates an empty batch with room for <paramref name="capacity"/> rows; it grows when more are added.</summary>
    public ForwardBatch(int capacity = 512)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        _tokens = new int[capacity];
        _positions = new int[capacity];
        _sequences = new int[capacity];
        _wantLogits = new bool[capacity];
    }

    /// <summary>Number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>Token id of each row.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    /// <summary>Position of each row within its sequence, counted from 0.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Count);

    /// <summary>Sequence id of each row.</summary>
    public ReadOnlySpan<int> Sequences => _sequences.AsSpan(0, Count);

    /// <summary>Whether logits are computed for each row.</summary>
    public ReadOnlySpan<bool> WantLogits => _wantLogits.AsSpan(0, Count);

    /// <summary>Appends a row and returns its index, by which <see cref="IModelRuntime.Logits"/> finds its logits.</summary>
    public int Add(int token, int position, int sequence, bool wantLogits)
    {
        if (Count == _tokens.Length)
        {
            var size = Count * 2;
            Array.Resize(ref _tokens, size);
            Array.Resize(ref _positions, size);
            Array.Resize(ref _sequences, size);
            Array.Resize(ref _wantLogits, size);
        }

        _tokens[Count] = token;
        _positions[Count] = position;
        _sequences[Count] = sequence;
        _wantLogits[Count] = wantLogits;
        return Count++;
    }

    /// <summary>Removes all rows; keeps the memory.</summary>
    public void Clear() => Count = 0;
}
