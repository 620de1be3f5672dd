using Gemma3Server.Cli.Bench;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>A number of streams that begin together and all run on: what the engine adds to the bare loop.</summary>
internal sealed class SteadyStreams(string name, int streams, int tokens, double target, Scale scale) : Scenario
{
    private const int Prompt = 64;

    private static readonly SamplingParameters Gemma = new() { Seed = 1 };

    private readonly Metric _rate = new("decode tok/s", Target: Target.AtLeastOf(SideKind.Ceiling, target));
    private readonly Metric _sampled = new("decode tok/s, Gemma's sampling");
    private readonly Metric _gap = new("inter-token p99 ms");
    private readonly int _tokens = scale.Of(tokens, 32);

    public override string Name => name;

    public override string Title => $"{streams} {(streams == 1 ? "stream" : "streams")}, {Prompt} tokens in, {_tokens} out";

    public override int Sequences => streams;

    public override int ContextLength => Prompt + _tokens + Slack;

    public override int Rounds => 3;

    public override IReadOnlyList<Metric> Metrics => [_rate, _sampled, _gap];

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var greedy = Result(await engine.AskAllAsync(prompts.Chats(streams, Prompt), _tokens, cancellationToken));
        var sampled = Result(await engine.AskAllAsync(prompts.Chats(streams, Prompt), _tokens, cancellationToken, Gemma));
        return new()
        {
            [_rate] = greedy.DecodeTokensPerSecond,
            [_sampled] = sampled.DecodeTokensPerSecond,
            [_gap] = greedy.InterTokenLatency.Quantile(0.99) * Metric.Milliseconds,
        };
    }

    public override Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts)
    {
        var rate = native.Run(prompts.Chats(streams, Prompt), _tokens).DecodeRate;
        return new() { [_rate] = rate, [_sampled] = rate };
    }

    private static LoadResult Result(Exchange[] exchanges) => LoadResult.From([.. exchanges.Select(e => e.Timeline)]);
}
