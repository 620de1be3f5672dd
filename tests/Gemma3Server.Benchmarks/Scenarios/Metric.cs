namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>One number that a scenario yields in every round.</summary>
/// <param name="Name">What it is, with its unit.</param>
/// <param name="Format">How it is printed.</param>
/// <param name="Target">What the issue asks of it, if anything.</param>
internal sealed record Metric(string Name, string Format = "0.0", Target? Target = null)
{
    /// <summary>
    /// Processor time of the whole process in a round, which every scenario has: on a machine that others use too, a fairer measure of work
    /// than the clock. The native loop of the ceiling does other work, so that it has none.
    /// </summary>
    public static readonly Metric Processor = new("processor s", "0.00");

    /// <summary>Factor from seconds to the unit of most metrics.</summary>
    public const double Milliseconds = 1000;
}
