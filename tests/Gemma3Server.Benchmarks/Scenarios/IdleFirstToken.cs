using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>One request at a time on an idle engine: nothing but prefill may stand between a user and the first token.</summary>
internal sealed class IdleFirstToken(Scale scale) : Scenario
{
    private const int Counted = 6;
    private const int Tokens = 2;

    private readonly (int Length, Metric Metric)[] _prompts =
        [.. new[] { scale.Of(64), scale.Of(1000) }.Distinct().Select(length => (length, new Metric($"TTFT p50 ms, {length} tokens")))];

    public override string Name => ScenarioNames.Idle;

    public override string Title => $"idle engine, prompts of {string.Join(" and ", _prompts.Select(p => p.Length))} tokens";

    public override int Sequences => 4;

    public override int ContextLength => _prompts[^1].Length + Tokens + Slack;

    public override int Rounds => 3;

    public override IReadOnlyList<Metric> Metrics => [.. _prompts.Select(p => p.Metric)];

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var result = new Dictionary<Metric, double>();
        foreach (var (length, metric) in _prompts)
        {
            var seconds = new List<double>();
            for (var i = 0; i < Counted; i++)
            {
                seconds.Add((await engine.AskAsync(prompts.Chat(length), Tokens, cancellationToken)).TimeToFirstToken);
                await engine.IdleAsync(cancellationToken); // the last event comes before the sequence is free
            }

            result[metric] = seconds.Median() * Metric.Milliseconds;
        }

        return result;
    }

    public override Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts) => _prompts.ToDictionary(
        p => p.Metric,
        p => Enumerable.Range(0, Counted).Select(_ => NativeTimes.ToFirstToken(native, prompts.Chat(p.Length))).Median() * Metric.Milliseconds);
}
