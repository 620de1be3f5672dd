namespace Gemma3Server.Testing;

/// <summary>Shape and behaviour of a <see cref="FakeModelRuntime"/>.</summary>
public sealed record FakeRuntimeOptions
{
    public int MaxSequences { get; init; } = 4;

    public int ContextLength { get; init; } = 2048;

    public int MaxBatchTokens { get; init; } = 512;

    public int MicroBatchTokens { get; init; } = 64;

    /// <inheritdoc cref="Runtime.RuntimeLimits.PrefillTile"/>
    public int PrefillTile { get; init; } = 1;

    /// <summary>Window of the local layers; 0 = none, nothing is ever lost.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Cells that all sequences share; 0 = each has its own <see cref="ContextLength"/>.</summary>
    public int SharedCells { get; init; }

    /// <summary>Makes another model of it: other logits after the same tokens.</summary>
    public ulong Salt { get; init; }

    /// <summary>
    /// Chooses the next token from the tokens a sequence holds; <see langword="null"/> from it (or no function) leaves the hash-based logits.
    /// </summary>
    public Func<IReadOnlyList<int>, int?>? Next { get; init; }

    /// <summary>Called at the start of each forward step, with its number; lets a test hold or fail a step.</summary>
    public Func<int, Runtime.ForwardStatus>? OnForward { get; init; }

    /// <summary>Asked at each forward step: the rows that there is memory for; more of them are <see cref="Runtime.ForwardStatus.OutOfMemory"/>.</summary>
    public Func<int>? RowsInMemory { get; init; }

    /// <summary>Asked at each snapshot: true = there is no memory for it.</summary>
    public Func<bool>? SnapshotFails { get; init; }

    /// <summary>Asked at each <see cref="Runtime.IModelRuntime.Rewind"/> that cuts; true = the window was lost, and with it the sequence.</summary>
    public Func<bool>? LosesOnRewind { get; init; }

    /// <summary>Called at the start of each embedding call, with its number; lets a test hold or fail a call.</summary>
    public Func<int, Runtime.ForwardStatus>? OnEmbedding { get; init; }

    /// <summary>Called by <see cref="Runtime.IInterruptible.Interrupt"/>; lets a test release a forward step that it holds.</summary>
    public Action? OnInterrupt { get; init; }
}
