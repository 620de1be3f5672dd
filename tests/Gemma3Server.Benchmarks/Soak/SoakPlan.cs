namespace Gemma3Server.Benchmarks.Soak;

/// <summary>How long a soak is and who takes part; after every lap the server must be idle and whole.</summary>
internal sealed record SoakPlan
{
    /// <summary>Users at the same time; more than sequences, so that some wait.</summary>
    public int Users { get; init; } = 12;

    /// <summary>Laps.</summary>
    public required int Laps { get; init; }

    /// <summary>Requests of a lap, of all users together; 0 = as many as <see cref="LapTime"/> allows.</summary>
    public int LapRequests { get; init; }

    /// <summary>Time of a lap; the requests that are then under way still end.</summary>
    public TimeSpan LapTime { get; init; }

    /// <summary>Seed of everything random; the requests of each user follow from it, their interleaving does not.</summary>
    public int Seed { get; init; } = 1;
}
