namespace Gemma3Server.Engine;

/// <summary>A snapshot of the engine's counters, readable from any thread.</summary>
public sealed record EngineStatistics
{
    /// <summary>Requests that wait for a sequence.</summary>
    public int Waiting { get; init; }

    /// <summary>Requests that hold a sequence (prefill or decode).</summary>
    public int Running { get; init; }

    /// <summary>Steps run so far.</summary>
    public long Steps { get; init; }

    /// <summary>Prompt tokens computed so far (reused ones not counted).</summary>
    public long PromptTokens { get; init; }

    /// <summary>Prompt tokens taken from cached prefixes so far.</summary>
    public long CachedTokens { get; init; }

    /// <summary>Tokens generated so far.</summary>
    public long CompletionTokens { get; init; }

    /// <summary>Draft tokens verified so far.</summary>
    public long DraftTokens { get; init; }

    /// <summary>Of these, those that held.</summary>
    public long AcceptedDraftTokens { get; init; }

    /// <summary>Requests that were cancelled so far.</summary>
    public long Cancelled { get; init; }

    /// <summary>Times that a sequence gave up its cells so far.</summary>
    public long Preempted { get; init; }

    /// <summary>Of these, times that its state was moved to host memory; the others were computed again.</summary>
    public long Swapped { get; init; }
}
