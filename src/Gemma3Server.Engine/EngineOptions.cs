namespace Gemma3Server.Engine;

/// <summary>Settings of the engine.</summary>
public sealed record EngineOptions
{
    /// <summary>
    /// Requests that may wait for a sequence, besides those running; one more is refused with 429. Default 128: at 32 running
    /// streams that is four rounds of waiting, more than a person waits for.
    /// </summary>
    public int QueueLimit { get; init; } = 128;

    /// <summary>
    /// Rows of one step, decode rows included; 0 = the runtime's micro batch, and a row for each sequence on top. Smaller steps make running streams smoother and long prompts slower.
    /// </summary>
    public int StepTokens { get; init; }

    /// <summary>Whether a new request may continue on the KV that an earlier one left behind.</summary>
    public bool PrefixReuse { get; init; } = true;

    /// <summary>
    /// Host memory for sliding-window checkpoints, in bytes; 0 = none. Such a checkpoint lets a new request go back behind a long answer
    /// without recomputing the conversation. Default 1 GiB: a checkpoint takes 11 MiB for 1B and 416 MiB for 27B.
    /// </summary>
    public long CheckpointBytes { get; init; } = 1L << 30;
}
