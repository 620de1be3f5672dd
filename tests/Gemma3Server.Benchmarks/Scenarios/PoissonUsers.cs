using System.Diagnostics;
using System.Globalization;
using Gemma3Server.Benchmarks.Load;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>
/// Independent users, who do not wait for one another: the share of them who are served within bounds. Rate and bounds are those of the
/// machine, from the native loop: an absolute rate would leave one machine idle and drown the next.
/// </summary>
internal sealed class PoissonUsers(Scale scale) : Scenario
{
    private const int Count = 40;
    private const int ProbeTokens = 16;

    /// <summary>Busy enough that requests meet, and not so busy that the queue only grows.</summary>
    private const double Load = 0.7;

    /// <summary>A short prompt may wait for one long prompt, and a little more.</summary>
    private const double FirstTokenSlack = 1.5;

    /// <summary>A stream may be as much slower than eight streams on the bare loop.</summary>
    private const double TokenSlack = 3;

    private readonly Metric _good = new("goodput share", "0.00");
    private readonly Metric _first = new("TTFT p99 ms", "0");
    private readonly Metric _pace = new("TPOT p99 ms");
    private readonly int _long = scale.Of(2048);
    private double _rate;
    private GoodputBounds _bounds = new(0, 0);

    public override string Name => ScenarioNames.Poisson;

    public override string Title => $"{Count} requests, Poisson arrivals, a tenth with prompts of {_long} tokens";

    public override int Sequences => 8;

    public override int ContextLength => _long + scale.Of(192) + Slack;

    public override IReadOnlyList<Metric> Metrics => [_good, _first, _pace];

    public override string Note => string.Create(
        CultureInfo.InvariantCulture,
        $"{_rate:0.00} requests/s, {Load:0.0} of the native loop's; good: TTFT <= {_bounds.TimeToFirstToken * 1000:0} ms "
        + $"({FirstTokenSlack} x a long prompt alone) and TPOT <= {_bounds.TimePerOutputToken * 1000:0.0} ms ({TokenSlack} x eight bare streams)");

    public override void Prepare(NativeBaseline native, ScenarioPrompts prompts)
    {
        var decode = native.Run(prompts.Chats(Sequences, 32), ProbeTokens).DecodeRate;
        var first = NativeTimes.ToFirstToken(native, prompts.Chat(_long));
        var sizes = Sizes(prompts.Seed);
        var work = (sizes.Average(size => size.Prompt) * first / _long) + (sizes.Average(size => size.Answer) / decode);
        _rate = Load / work;
        _bounds = new(FirstTokenSlack * first, TokenSlack * Sequences / decode);
    }

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var requests = Sizes(prompts.Seed).Select(size => (Tokens: prompts.Chat(size.Prompt), size.Answer)).ToArray();
        var times = PoissonArrivals.Times(_rate, Count, prompts.Seed);
        var sent = new List<(Exchange Exchange, Task Done)>();
        var start = Stopwatch.GetTimestamp();
        foreach (var (request, time) in requests.Zip(times))
        {
            var wait = TimeSpan.FromSeconds(time) - Stopwatch.GetElapsedTime(start);
            if (wait > TimeSpan.Zero) await Task.Delay(wait, cancellationToken);
            sent.Add(engine.Send(request.Tokens, request.Answer, cancellationToken));
        }

        await Task.WhenAll(sent.Select(request => request.Done));
        RequestOutcome[] outcomes = [.. sent.Select(request => request.Exchange.Outcome)];
        RequestOutcome[] completed = [.. outcomes.Where(outcome => outcome.Completed)];
        return new()
        {
            [_good] = _bounds.Share(outcomes),
            [_first] = completed.Select(outcome => outcome.TimeToFirstToken).Quantile(0.99) * Metric.Milliseconds,
            [_pace] = completed.Select(outcome => outcome.TimePerOutputToken).Quantile(0.99) * Metric.Milliseconds,
        };
    }

    private (int Prompt, int Answer)[] Sizes(int seed) =>
        [.. RequestMix.Sizes(Count, longPrompt: 2048, seed).Select(size => (scale.Of(size.Prompt), scale.Of(size.Answer, 8)))];
}
