using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Sixteen users send at once, with one long system text that nobody has sent before.</summary>
internal sealed class ColdBurst(Scale scale) : Scenario
{
    private const int Users = 16;
    private const int Tokens = 8;

    private readonly Metric _median = new("TTFT p50 ms", "0", Target.AtMostOf(SideKind.Off, 0.2));
    private readonly Metric _last = new("last first token ms", "0");
    private readonly Metric _cached = new("reused share of prompt tokens", "0.00");
    private readonly int _shared = scale.Of(2048);
    private readonly int _own = scale.Of(100);

    public override string Name => ScenarioNames.ColdBurst;

    public override string Title => $"{Users} requests at once on {_shared} shared and {_own} own tokens";

    public override int Sequences => Users;

    public override int ContextLength => _shared + _own + Tokens + Slack;

    public override IReadOnlyList<Metric> Metrics => [_median, _last, _cached];

    public override string Note => "ceiling: shared text once and own texts in turn, at the native loop's prefill rate";

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var system = prompts.Text(_shared);
        int[][] burst = [.. Enumerable.Range(0, Users).Select(_ => prompts.Chat(system, _own))];
        var exchanges = await engine.AskAllAsync(burst, Tokens, cancellationToken);
        return new()
        {
            [_median] = exchanges.Select(e => e.TimeToFirstToken).Median() * Metric.Milliseconds,
            [_last] = exchanges.Max(e => e.TimeToFirstToken) * Metric.Milliseconds,
            [_cached] = (double)exchanges.Sum(e => e.CachedTokens) / exchanges.Sum(e => e.Timeline.PromptTokens),
        };
    }

    public override Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts)
    {
        var rate = native.Run([prompts.Chat(_shared + _own)], 1).PrefillRate;
        return new()
        {
            [_median] = (_shared + ((Users + 1) / 2.0 * _own)) / rate * Metric.Milliseconds,
            [_last] = (_shared + (Users * _own)) / rate * Metric.Milliseconds,
        };
    }
}
