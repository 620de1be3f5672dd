using Gemma3Server.Cli.Bench;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>What a scenario measured, round by round.</summary>
/// <param name="Scenario">The scenario.</param>
/// <param name="OffSettings">What its off side switched off; empty where there is none.</param>
/// <param name="Notes">What a reader must know.</param>
internal sealed record ScenarioResult(Scenario Scenario, IReadOnlyList<(string Key, string Value)> OffSettings, IReadOnlyList<string> Notes)
{
    private readonly List<(SideKind Side, Dictionary<Metric, double> Values)> _rounds = [];

    /// <summary>What is shown: the scenario's own metrics, and the processor time.</summary>
    public IEnumerable<Metric> Metrics => [.. Scenario.Metrics, Metric.Processor];

    /// <summary>Whether this side was measured.</summary>
    public bool Has(SideKind side) => _rounds.Exists(round => round.Side == side);

    public void Add(SideKind side, Dictionary<Metric, double> values) => _rounds.Add((side, values));

    /// <summary>A side's values of a metric, one a round; empty where it has none.</summary>
    public double[] Values(SideKind side, Metric metric) =>
        [.. _rounds.Where(round => round.Side == side && round.Values.ContainsKey(metric)).Select(round => round.Values[metric])];

    /// <summary>The median over the rounds; not-a-number where there is nothing.</summary>
    public double Median(SideKind side, Metric metric) => Values(side, metric).Median();

    /// <summary>The side that a metric is compared with: the target's, else the off side, else the ceiling.</summary>
    public SideKind Against(Metric metric) => metric.Target?.Against ?? (Values(SideKind.Off, metric).Length > 0 ? SideKind.Off : SideKind.Ceiling);

    /// <summary>The engine as configured over the compared side: the median of the rounds' own ratios, since the machine's pace drifts.</summary>
    public double Ratio(Metric metric)
    {
        var (on, other) = (Values(SideKind.On, metric), Values(Against(metric), metric));
        return on.Length == other.Length ? on.Zip(other, (a, b) => a / b).Where(double.IsFinite).Median() : double.NaN;
    }
}
