using System.ComponentModel.DataAnnotations;

namespace Gemma3Server.Hosting;

/// <summary>How requests are scheduled; the defaults are the engine's own, which say why.</summary>
internal sealed record EngineSettings
{
    /// <summary>Requests that may wait; one more is refused with 429.</summary>
    [Range(0, 100_000)]
    public int QueueLimit { get; init; } = 128;

    /// <summary>Most rows of one step; 0 = the runtime's micro batch and a row for each sequence.</summary>
    [Range(0, 65_536)]
    public int StepTokens { get; init; }

    /// <summary>Whether the prefill rows of a step are measured out so that running streams keep their pace.</summary>
    public bool AdaptiveBudget { get; init; } = true;

    /// <summary>Mean time between two tokens of a stream beside prefill, as a multiple of that without.</summary>
    [Range(1.0, 1000.0)]
    public double InterTokenFactor { get; init; } = 2;

    /// <summary>The longest time in milliseconds; the smaller bound holds. 0 = none.</summary>
    [Range(0.0, 60_000.0)]
    public double InterTokenMilliseconds { get; init; }

    /// <summary>Part of a step's time that prefill gets at least.</summary>
    [Range(0.0, 0.9)]
    public double PrefillShare { get; init; } = 0.25;

    /// <summary>Whether cached prefixes are reused.</summary>
    public bool PrefixReuse { get; init; } = true;

    /// <summary>Host memory for sliding-window checkpoints, in bytes, of all loaded models together; 0 = none.</summary>
    [Range(0L, 1L << 40)]
    public long CheckpointBytes { get; init; } = 1L << 30;

    /// <summary>Most tokens of an expected answer for which shared cells must be free when its request begins; 0 = none.</summary>
    [Range(0, 1 << 20)]
    public int ReserveTokens { get; init; } = 256;

    /// <summary>Host memory for prefixes, and for running sequences that gave up shared cells, in bytes, of all loaded models together; 0 = none.</summary>
    [Range(0L, 1L << 40)]
    public long HostCacheBytes { get; init; } = 2L << 30;

    /// <summary>Fewest tokens for which a prefix is copied or waited for.</summary>
    [Range(1, 1 << 20)]
    public int ForkMinimumTokens { get; init; } = 64;

    /// <summary>Fewest tokens for which a prefix is moved to host memory.</summary>
    [Range(1, 1 << 20)]
    public int HostMinimumTokens { get; init; } = 64;

    /// <summary>Where guesses at the next tokens come from.</summary>
    [AllowedValues("auto", "lookup", "draft", "off")]
    public string Speculation { get; init; } = "auto";

    /// <summary>Most tokens of a guess.</summary>
    [Range(1, 64)]
    public int DraftTokens { get; init; } = 31;

    /// <summary>Fewest tokens that must agree for a lookup.</summary>
    [Range(1, 32)]
    public int DraftMinimumMatch { get; init; } = 3;
}
