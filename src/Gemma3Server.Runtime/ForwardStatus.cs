namespace Gemma3Server.Runtime;

/// <summary>How a forward call ended.</summary>
public enum ForwardStatus
{
    /// <summary>All rows were computed.</summary>
    Ok,

    /// <summary>The KV memory has no room for the rows; nothing changed. Free or preempt a sequence and try again.</summary>
    NoSpace,

    /// <summary>The batch broke the contract (size, position, sequence id, token id); it never reached native code and nothing changed.</summary>
    InvalidBatch,

    /// <summary>The computation was aborted; rows of earlier micro-batches may have stayed. Re-read the lengths.</summary>
    Aborted,

    /// <summary>The native library failed; rows of earlier micro-batches may have stayed. Re-read the lengths.</summary>
    Failed,

    /// <summary>
    /// There was no memory to compute the rows in, however many cells are free; rows of earlier micro-batches may have stayed. Re-read the
    /// lengths, give memory back, and try again with fewer rows.
    /// </summary>
    OutOfMemory,
}
