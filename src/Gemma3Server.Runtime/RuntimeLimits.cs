namespace Gemma3Server.Runtime;

/// <summary>What a runtime can hold and take in one step.</summary>
public sealed record RuntimeLimits
{
    /// <summary>Number of sequence ids; valid ids are 0 to this minus 1.</summary>
    public required int MaxSequences { get; init; }

    /// <summary>Longest possible sequence in positions (prompt plus completion).</summary>
    public required int ContextLength { get; init; }

    /// <summary>Most rows of one <see cref="IModelRuntime.Forward"/> call.</summary>
    public required int MaxBatchTokens { get; init; }

    /// <summary>
    /// Most rows of one <see cref="IModelRuntime.Forward"/> call that may ask for logits: at least <see cref="MaxSequences"/>. A runtime
    /// reserves memory for them, a row of the vocabulary each (1 MiB for Gemma 3).
    /// </summary>
    public int MaxLogitsRows { get; init; } = int.MaxValue;

    /// <summary>
    /// Rows the runtime computes at once. Prefill chunks that end at multiples of it, counted from position 0, give reproducible logits.
    /// </summary>
    public required int MicroBatchTokens { get; init; }

    /// <summary>
    /// Rows of a prompt that the runtime computes at full speed only together: chunks of fewer cost much more a row. 1 = any number does.
    /// </summary>
    public int PrefillTile { get; init; } = 1;

    /// <summary>Positions that all sequences share; equal to <see cref="ContextLength"/> times <see cref="MaxSequences"/> when each has its own.</summary>
    public required long TotalCells { get; init; }

    /// <summary>Whether sequences share one pool of cells (forking is then free) or each has its own.</summary>
    public bool SharedCells { get; init; }
}
