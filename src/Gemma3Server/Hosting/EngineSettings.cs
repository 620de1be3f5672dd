using System.ComponentModel.DataAnnotations;

namespace Gemma3Server.Hosting;

/// <summary>How requests are scheduled; the defaults are the engine's own, which say why.</summary>
internal sealed record EngineSettings
{
    /// <summary>Requests that may wait; one more is refused with 429.</summary>
    [Range(0, 100_000)]
    public int QueueLimit { get; init; } = 128;

    /// <summary>Rows of one step; 0 = the runtime's micro batch.</summary>
    [Range(0, 65_536)]
    public int StepTokens { get; init; }

    /// <summary>Whether cached prefixes are reused.</summary>
    public bool PrefixReuse { get; init; } = true;

    /// <summary>Host memory for sliding-window checkpoints, in bytes; 0 = none.</summary>
    [Range(0L, 1L << 40)]
    public long CheckpointBytes { get; init; } = 1L << 30;

    /// <summary>Host memory for prefixes that no sequence holds any more, in bytes; 0 = none.</summary>
    [Range(0L, 1L << 40)]
    public long HostCacheBytes { get; init; } = 2L << 30;

    /// <summary>Fewest tokens for which a prefix is copied or waited for.</summary>
    [Range(1, 1 << 20)]
    public int ForkMinimumTokens { get; init; } = 64;

    /// <summary>Fewest tokens for which a prefix is moved to host memory.</summary>
    [Range(1, 1 << 20)]
    public int HostMinimumTokens { get; init; } = 256;
}
