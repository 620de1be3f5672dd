namespace Gemma3Server.Hub;

/// <summary>How patient a download is and how it is cut up.</summary>
internal sealed record HubTimings
{
    /// <summary>
    /// Ranges that are fetched at the same time. One connection to a CDN seldom fills a line; past eight the gain is small and hubs begin to
    /// throttle.
    /// </summary>
    public int Connections { get; init; } = 6;

    /// <summary>Bytes of one request: large enough that asking the hub for each (to be redirected anew) costs nothing beside it.</summary>
    public long RangeBytes { get; init; } = 64L << 20;

    /// <summary>Bytes of a range after which they are forced to disk and noted in the journal: what a kill costs, at most, on each connection.</summary>
    public long CommitBytes { get; init; } = 16L << 20;

    /// <summary>Time for an answer to begin, and for more of it to come.</summary>
    public TimeSpan Stall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Tries in a row without a byte of progress before a download gives up: about a minute, with the waits between them.</summary>
    public int Attempts { get; init; } = 7;

    /// <summary>Wait before the second try; it doubles with each further one.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest wait that a server may ask for (<c>Retry-After</c>); beyond, the command ends and says so.</summary>
    public TimeSpan LongestRetryAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often somebody who waits for another pull looks whether it is done.</summary>
    public TimeSpan LockPoll { get; init; } = TimeSpan.FromMilliseconds(300);
}
