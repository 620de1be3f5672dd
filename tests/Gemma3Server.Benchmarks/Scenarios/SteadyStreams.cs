using Gemma3Server.Cli.Bench;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>A number of streams that begin together and all run on: what the engine adds to the bare loop.</summary>
internal sealed class SteadyStreams(string name, int streams, int prompt, int tokens, double? target, Scale scale) : Scenario
{
    private static readonly SamplingParameters Gemma = new() { Seed = 1 };

    private readonly Metric _rate = new("decode tok/s", Target: target is { } least ? Target.AtLeastOf(SideKind.Ceiling, least) : null);
    private readonly Metric _sampled = new("decode tok/s, Gemma's sampling");
    private readonly Metric _gap = new("inter-token p99 ms");
    private readonly bool _isShort = target is not null; // long prompts take most of the time, and sampling costs nothing else there
    private readonly int _tokens = scale.Of(tokens, 32);

    public override string Name => name;

    public override string Title => $"{streams} {(streams == 1 ? "stream" : "streams")}, {prompt} tokens in, {_tokens} out";

    public override int Sequences => streams;

    public override int ContextLength => prompt + _tokens + Slack;

    public override int Rounds => _isShort ? 3 : 2;

    public override IReadOnlyList<Metric> Metrics => _isShort ? [_rate, _sampled, _gap] : [_rate, _gap];

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var greedy = Result(await engine.AskAllAsync(prompts.Chats(streams, prompt), _tokens, cancellationToken));
        var values = new Dictionary<Metric, double>
        {
            [_rate] = greedy.DecodeTokensPerSecond,
            [_gap] = greedy.InterTokenLatency.Quantile(0.99) * Metric.Milliseconds,
        };
        if (_isShort) values[_sampled] = Result(await engine.AskAllAsync(prompts.Chats(streams, prompt), _tokens, cancellationToken, Gemma)).DecodeTokensPerSecond;
        return values;
    }

    public override Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts)
    {
        var rate = native.Run(prompts.Chats(streams, prompt), _tokens).DecodeRate;
        return new() { [_rate] = rate, [_sampled] = rate };
    }

    private static LoadResult Result(Exchange[] exchanges) => LoadResult.From([.. exchanges.Select(e => e.Timeline)]);
}
