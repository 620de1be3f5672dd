namespace Gemma3Pocket.Training;

/// <summary>Names of the files of a run.</summary>
internal static class RunDirectory
{
    /// <summary>The newest checkpoint; with it a run goes on, or its model is exported.</summary>
    public static string Checkpoint(string directory) => Path.Combine(directory, "checkpoint.bin");

    /// <summary>A file that somebody puts there while the run is on: the decay starts with the next step.</summary>
    public static string DecaySignal(string directory) => Path.Combine(directory, "decay");
}
