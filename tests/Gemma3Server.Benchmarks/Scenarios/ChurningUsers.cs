using System.Diagnostics;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>
/// Half of the sequences are busy, and not the first half: sixteen streams begin, every second one leaves soon, and each of the eight users
/// who stay asks again whenever an answer ends.
/// </summary>
internal sealed class ChurningUsers(Scale scale) : Scenario
{
    private const int Users = 8;
    private const int Requests = 5;
    private const int Prompt = 64;
    private const int LeaverTokens = 16;

    private readonly Metric _rate = new("output tok/s");
    private readonly Metric _gap = new("inter-token p99 ms");
    private readonly int _least = scale.Of(48);
    private readonly int _most = scale.Of(144, 32);

    public override string Name => ScenarioNames.Churn;

    public override string Title => $"{Users} users on {Sequences} sequences, each with {Requests} answers of {_least} to {_most} tokens";

    public override int Sequences => 2 * Users;

    public override int ContextLength => Prompt + _most + Slack;

    public override IReadOnlyList<Metric> Metrics => [_rate, _gap];

    public override string Note => "the ceiling's eight streams neither join nor leave; no setting switches compact sequence ids off";

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var random = new Random(prompts.Seed);
        var plans = Enumerable.Range(0, Users).Select(_ => Enumerable.Range(0, Requests)
            .Select(_ => (Prompt: prompts.Chat(Prompt), Tokens: random.Next(_least, _most + 1))).ToArray()).ToArray();
        var leaving = prompts.Chats(Users, Prompt);
        var (users, leavers) = (new List<Task<List<Exchange>>>(), new List<Task<Exchange>>());
        for (var i = 0; i < Users; i++)
        {
            users.Add(UseAsync(engine, plans[i], cancellationToken));
            leavers.Add(engine.AskAsync(leaving[i], LeaverTokens, cancellationToken));
        }

        await Task.WhenAll(leavers);
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAny(users);
        var end = Stopwatch.GetTimestamp();
        StreamTimeline[] lines = [.. (await Task.WhenAll(users)).SelectMany(exchanges => exchanges).Select(exchange => exchange.Timeline)];
        return new()
        {
            [_rate] = lines.Sum(line => line.TokensAt(end) - line.TokensAt(start)) / Stopwatch.GetElapsedTime(start, end).TotalSeconds,
            [_gap] = lines.SelectMany(line => line.GapsAcross(start, end)).Quantile(0.99) * Metric.Milliseconds,
        };
    }

    public override Dictionary<Metric, double> Ceiling(NativeBaseline native, ScenarioPrompts prompts) =>
        new() { [_rate] = native.Run(prompts.Chats(Users, Prompt), (_least + _most) / 2).DecodeRate };

    private static async Task<List<Exchange>> UseAsync(EngineClient engine, (int[] Prompt, int Tokens)[] plan, CancellationToken cancellationToken)
    {
        var exchanges = new List<Exchange>();
        foreach (var (prompt, tokens) in plan) exchanges.Add(await engine.AskAsync(prompt, tokens, cancellationToken));
        return exchanges;
    }
}
