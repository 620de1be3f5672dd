using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Requests one after another with the same long system text and a user text longer than the window; the first is not counted.</summary>
internal sealed class SharedSystem(Scale scale) : Scenario
{
    private const int Counted = 4;
    private const int Tokens = 8;

    private readonly Metric _median = new("TTFT p50 ms", "0", Target.AtMostOf(SideKind.Off, 0.3));
    private readonly Metric _cached = new("reused tokens p50", "0");
    private readonly int _shared = scale.Of(3000);
    private readonly int _own = scale.Of(700);

    public override string Name => ScenarioNames.SharedSystem;

    public override string Title => $"{Counted} requests in turn on a system text of {_shared} and own texts of {_own} tokens";

    public override int Sequences => 8;

    public override int ContextLength => _shared + _own + Tokens + Slack;

    public override IReadOnlyList<Metric> Metrics => [_median, _cached];

    public override string Note => "ceiling: the native loop on a prompt of the own text alone";

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var system = prompts.Text(_shared);
        await AskAsync();
        var exchanges = new List<Exchange>();
        for (var i = 0; i < Counted; i++) exchanges.Add(await AskAsync());
        return new()
        {
            [_median] = exchanges.Select(e => e.TimeToFirstToken).Median() * Metric.Milliseconds,
            [_cached] = exchanges.Select(e => (double)e.CachedTokens).Median(),
        };

        Task<Exchange> AskAsync()
        {
            var boundaries = new List<int>();
            var prompt = prompts.Chat(system, _own, boundaries);
            return engine.AskAsync(prompt, Tokens, cancellationToken, boundaries: [.. boundaries]);
        }
    }

    public override Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts) =>
        new() { [_median] = NativeTimes.ToFirstToken(native, prompts.Chat(_own)) * Metric.Milliseconds };
}
