namespace Gemma3Server.Api.Responses;

/// <summary>The states of a response, and of its items.</summary>
internal static class ResponseStatus
{
    /// <summary>Waits, or its prompt is being computed; for background responses.</summary>
    public const string Queued = "queued";

    public const string InProgress = "in_progress";

    public const string Completed = "completed";

    /// <summary>Cut off by <c>max_output_tokens</c>, the end of the context or a time limit.</summary>
    public const string Incomplete = "incomplete";

    public const string Failed = "failed";

    public const string Cancelled = "cancelled";

    /// <summary>Whether a response of this state still changes.</summary>
    public static bool IsRunning(string status) => status is Queued or InProgress;
}
