namespace Gemma3Server.Tests.Hub;

/// <summary>How one answer of <see cref="LocalHub"/> goes wrong.</summary>
internal sealed record LocalHubFault
{
    /// <summary>Status instead of the file.</summary>
    public int? Status { get; init; }

    /// <summary><c>Retry-After</c> beside the status.</summary>
    public string? RetryAfter { get; init; }

    /// <summary>Bytes after which the connection is dropped.</summary>
    public long? DropAfter { get; init; }

    /// <summary>Bytes after which nothing more comes.</summary>
    public long? StallAfter { get; init; }

    /// <summary>Whether the whole file is sent, whatever range was asked for.</summary>
    public bool IgnoreRange { get; init; }

    /// <summary>How far the range that is sent is from the one that was asked for.</summary>
    public long Shift { get; init; }

    /// <summary>Whether the first byte is wrong.</summary>
    public bool Corrupt { get; init; }

    /// <summary>Another entity tag.</summary>
    public string? Etag { get; init; }
}
