namespace Gemma3Server.Planning;

/// <summary>What a plan is asked for; what is absent is left to the settings and the planner.</summary>
internal sealed record PlanWishes
{
    /// <summary>The model by name, or a file where <see cref="AllowsFiles"/>; null = all of the catalog.</summary>
    public string? Model { get; init; }

    /// <summary>A published shape instead of a model.</summary>
    public string? Shape { get; init; }

    /// <summary>Key of the model's source in the catalog, whose files differ in size.</summary>
    public string? Source { get; init; }

    /// <summary>The model that drafts for it, by name or as a file; null = the one of the settings, where they have the model.</summary>
    public string? Draft { get; init; }

    /// <summary>Whether the model may be a path: not where somebody else names it, who would learn what files there are.</summary>
    public bool AllowsFiles { get; init; }

    /// <summary>Memory of the GPU, in bytes; null = the common cards.</summary>
    public long? GpuBytes { get; init; }

    /// <summary>Whether the plan is for this machine, with what is free on it now.</summary>
    public bool Detect { get; init; }

    /// <summary>Memory of the host, in bytes; null = as much as is needed, or what this machine has free.</summary>
    public long? HostBytes { get; init; }

    /// <summary>Conversations at the same time.</summary>
    public int? Users { get; init; }

    /// <summary>Tokens of a conversation.</summary>
    public int? Context { get; init; }

    /// <summary>Type of the KV caches.</summary>
    public string? Kv { get; init; }

    /// <summary>Whether the projector for images is counted.</summary>
    public bool Images { get; init; }

    /// <summary>What the GPU reads in a second, in GB; null = assumed by its size.</summary>
    public double? GpuBandwidth { get; init; }

    /// <summary>What the host's memory gives in a second, in GB; null = assumed.</summary>
    public double? HostBandwidth { get; init; }
}
