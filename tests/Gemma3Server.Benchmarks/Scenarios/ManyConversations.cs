using Gemma3Server.Chat;
using Gemma3Server.Cli.Bench;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>
/// More conversations than sequences: eight users have four each and go from one to the next after every turn, so that nobody waits in the
/// queue, and a conversation returns only after three others have had its place.
/// </summary>
internal sealed class ManyConversations(Scale scale) : Scenario
{
    private const int Users = 8;
    private const int PerUser = 4;
    private const int Turns = 5;

    private readonly Metric _later = new("TTFT p50 ms, turns >= 2", "0");
    private readonly Metric _first = new("TTFT p50 ms, turn 1", "0");
    private readonly Metric _cached = new("reused share, turns >= 2", "0.00");
    private readonly int _message = scale.Of(80);
    private readonly int _answer = scale.Of(24, 8);

    public override string Name => ScenarioNames.Conversations;

    public override string Title =>
        $"{Users * PerUser} conversations of {Turns} turns on {Users} sequences, messages of {_message}, answers of {_answer} tokens";

    public override int Sequences => Users;

    // An answer's text may take more tokens than it was generated with; twice as many is ample.
    public override int ContextLength => Turns * (_message + (2 * _answer) + Slack);

    public override IReadOnlyList<Metric> Metrics => [_later, _first, _cached];

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        // Messages are drawn before anybody runs: who is first must not decide who says what.
        var messages = Enumerable.Range(0, Users * PerUser)
            .Select(_ => Enumerable.Range(0, Turns).Select(_ => prompts.Text(_message)).ToArray()).ToArray();
        var users = messages.Chunk(PerUser).Select(own => UseAsync(engine, prompts, own, cancellationToken)).ToArray();
        var exchanges = (await Task.WhenAll(users)).SelectMany(turns => turns).ToArray();
        Exchange[] later = [.. exchanges.Where(e => e.Turn > 0).Select(e => e.Exchange)];
        return new()
        {
            [_later] = later.Select(e => e.TimeToFirstToken).Median() * Metric.Milliseconds,
            [_first] = exchanges.Where(e => e.Turn == 0).Select(e => e.Exchange.TimeToFirstToken).Median() * Metric.Milliseconds,
            [_cached] = (double)later.Sum(e => e.CachedTokens) / later.Sum(e => e.Timeline.PromptTokens),
        };
    }

    private async Task<List<(int Turn, Exchange Exchange)>> UseAsync(
        EngineClient engine, ScenarioPrompts prompts, string[][] messages, CancellationToken cancellationToken)
    {
        var exchanges = new List<(int, Exchange)>();
        var histories = messages.Select(_ => new List<ChatEntry>()).ToArray();
        for (var turn = 0; turn < Turns; turn++)
        {
            foreach (var (history, own) in histories.Zip(messages))
            {
                history.Add(new(ChatRole.User, [own[turn]]));
                var exchange = await engine.AskAsync(prompts.Render(history), _answer, cancellationToken);

                // What random weights write may be nothing but what a template trims away; no conversation has an empty answer.
                var answer = exchange.Answer.ToString();
                history.Add(new(ChatRole.Assistant, [string.IsNullOrWhiteSpace(answer) ? "..." : answer]));
                exchanges.Add((turn, exchange));
            }
        }

        return exchanges;
    }
}
