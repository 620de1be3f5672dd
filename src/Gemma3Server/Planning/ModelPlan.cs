namespace Gemma3Server.Planning;

/// <summary>A model and how it fits on each of the machines.</summary>
internal sealed record ModelPlan
{
    /// <summary>Its name.</summary>
    public required string Model { get; init; }

    /// <summary>The source in the catalog whose file was planned with.</summary>
    public string? Source { get; init; }

    /// <summary>Whether the file is here: then its own header was read, otherwise the published shape was taken.</summary>
    public required bool Here { get; init; }

    /// <summary>Bytes of all weights.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Tokens that it was trained for.</summary>
    public required int TrainedContextLength { get; init; }

    /// <summary>Type of the KV caches.</summary>
    public required string Kv { get; init; }

    /// <summary>The machines.</summary>
    public required IReadOnlyList<DevicePlan> Devices { get; init; }
}
