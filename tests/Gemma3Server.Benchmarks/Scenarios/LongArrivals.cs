using System.Diagnostics;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>
/// Eight streams run while long prompts arrive, each when the one before has its first token. The work is the same on every side, so that
/// its time compares the throughput; the gaps counted are those while a long prompt is on its way.
/// </summary>
internal sealed class LongArrivals(Scale scale) : Scenario
{
    private const int Streams = 8;
    private const int Prompts = 3;
    private const int StreamPrompt = 64;
    private const int PromptAnswer = 4;

    private readonly Metric _p99 = new("inter-token p99 ms", Target: Target.AtMostOf(SideKind.Off, 0.25));
    private readonly Metric _p50 = new("inter-token p50 ms");
    private readonly Metric _max = new("inter-token max ms");
    private readonly Metric _rate = new("total tok/s", Target: Target.AtLeastOf(SideKind.Off, 0.9));
    private readonly Metric _first = new("TTFT of long prompts p50 ms", "0");
    private readonly int _long = scale.Of(4096);
    private readonly int _tokens = scale.Of(256, 48);

    public override string Name => ScenarioNames.LongArrivals;

    public override string Title => $"{Streams} streams of {_tokens} tokens while {Prompts} prompts of {_long} tokens arrive";

    // A long prompt's answer may still run when the next arrives.
    public override int Sequences => Streams + 2;

    public override int ContextLength => Math.Max(_long + PromptAnswer, StreamPrompt + _tokens) + Slack;

    public override IReadOnlyList<Metric> Metrics => [_p99, _p50, _max, _rate, _first];

    public override string Note => "ceiling: all prompts alone, then all streams, on the native loop";

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var (short_, long_) = (prompts.Chats(Streams, StreamPrompt), prompts.Chats(Prompts, _long));
        var streams = short_.Select(prompt => engine.Send(prompt, _tokens, cancellationToken)).ToArray();
        await Task.WhenAll(streams.Select(stream => stream.Exchange.Began));

        var start = Stopwatch.GetTimestamp();
        var arrivals = new List<(Exchange Exchange, Task Done)>();
        foreach (var prompt in long_)
        {
            arrivals.Add(engine.Send(prompt, PromptAnswer, cancellationToken));
            await arrivals[^1].Exchange.Began;
        }

        var end = Stopwatch.GetTimestamp();
        await Task.WhenAll(streams.Concat(arrivals).Select(request => request.Done));
        var all = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Exchange[] running = [.. streams.Select(stream => stream.Exchange)];
        Exchange[] arrived = [.. arrivals.Select(arrival => arrival.Exchange)];
        if (!running.Concat(arrived).All(exchange => exchange.Completed)) throw new Cli.CommandFault("A request was refused or failed.");

        double[] gaps = [.. running.SelectMany(exchange => exchange.Timeline.GapsAcross(start, end))];
        var tokens = long_.Sum(prompt => prompt.Length) + arrived.Sum(e => e.Timeline.Tokens)
            + running.Sum(e => e.Timeline.Tokens - e.Timeline.TokensAt(start));
        return new()
        {
            [_p99] = gaps.Quantile(0.99) * Metric.Milliseconds,
            [_p50] = gaps.Median() * Metric.Milliseconds,
            [_max] = gaps.DefaultIfEmpty(double.NaN).Max() * Metric.Milliseconds,
            [_rate] = tokens / all,
            [_first] = arrived.Select(e => e.TimeToFirstToken).Median() * Metric.Milliseconds,
        };
    }

    public override Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts)
    {
        var streams = native.Run(prompts.Chats(Streams, StreamPrompt), _tokens);
        var prompt = prompts.Chat(_long);
        var first = NativeTimes.ToFirstToken(native, prompt);
        var step = Streams / streams.DecodeRate;
        var tokens = (Prompts * prompt.Length) + (Streams * _tokens);
        return new()
        {
            [_p50] = step * Metric.Milliseconds,
            [_rate] = tokens / ((Prompts * first) + (_tokens * step)),
            [_first] = first * Metric.Milliseconds,
        };
    }
}
