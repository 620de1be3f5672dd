namespace Gemma3Server.Planning;

/// <summary>A model on one machine: whether and how it fits.</summary>
internal sealed record DevicePlan
{
    /// <summary>What it is planned for, such as <c>24 GB GPU</c>.</summary>
    public required string Device { get; init; }

    /// <summary>Memory of the GPU that was planned with; absent without one.</summary>
    public long? GpuBytes { get; init; }

    /// <summary>Memory of the host that was planned with; absent = as much as is needed.</summary>
    public long? HostBytes { get; init; }

    /// <summary>Whether there is room for the users and the context that were asked for, or for any.</summary>
    public required bool Fits { get; init; }

    /// <summary>Why not.</summary>
    public string? Shortage { get; init; }

    /// <summary>Layers of the model on the GPU; the others compute on the host's processor.</summary>
    public required int GpuLayers { get; init; }

    /// <summary>Layers of the model.</summary>
    public required int Layers { get; init; }

    /// <summary>Conversations at the same time.</summary>
    public required int Users { get; init; }

    /// <summary>Tokens of each conversation.</summary>
    public required int ContextLength { get; init; }

    /// <summary>The longest context for as many users; 0 = none.</summary>
    public required int LargestContext { get; init; }

    /// <summary>The most users with <see cref="MostUsersContext"/> tokens each; 0 = none.</summary>
    public required int MostUsers { get; init; }

    /// <summary>Tokens of a conversation for which <see cref="MostUsers"/> holds.</summary>
    public required int MostUsersContext { get; init; }

    /// <summary>What it takes of the GPU.</summary>
    public MemoryUse? Gpu { get; init; }

    /// <summary>What it takes of the host.</summary>
    public required MemoryUse Host { get; init; }

    /// <summary>GB a second that the GPU was taken to read.</summary>
    public double? GpuBandwidth { get; init; }

    /// <summary>GB a second that the host's memory was taken to give.</summary>
    public required double HostBandwidth { get; init; }

    /// <summary>
    /// Tokens a second that one stream cannot exceed: each needs all weights and its conversation's KV once. Large models reach 70 to 80 % of it.
    /// </summary>
    public required double MostTokensPerSecond { get; init; }

    /// <summary>How many times longer a token takes than with all layers on this GPU; 1 = they are.</summary>
    public required double Slowdown { get; init; }
}
