using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>
/// Streams that are asked twice, the second time with their first answer as the prediction, as an editor does that sends a file along; or with
/// every fourth token of it wrong, so that places are found all the time and nothing holds.
/// </summary>
internal sealed class PredictedAnswers(string name, int streams, bool wrong, Scale scale) : Scenario
{
    private const int Prompt = 64;

    private readonly Metric _rate = new("decode tok/s", Target: Target.AtLeastOf(SideKind.Off, wrong ? 0.98 : 1));
    private readonly Metric _first = new("decode tok/s, no prediction");
    private readonly Metric _drafted = new("drafted tokens", "0");
    private readonly Metric _held = new("drafted tokens that held", "0");
    private readonly int _tokens = scale.Of(384, 64);

    public override string Name => name;

    public override string Title => $"{streams} {(streams == 1 ? "stream" : "streams")} of {_tokens} tokens with {(wrong ? "a wrong" : "the right")} prediction";

    public override int Sequences => streams;

    public override int ContextLength => Prompt + _tokens + Slack;

    public override int Rounds => 3;

    public override IReadOnlyList<Metric> Metrics => [_rate, _first, _drafted, _held];

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var chats = prompts.Chats(streams, Prompt);
        var first = await engine.AskAllAsync(chats, _tokens, cancellationToken);
        var predictions = first.Select(exchange => Predict(engine, exchange)).ToArray();
        var before = engine.Engine.Statistics;
        var asked = chats.Select((chat, i) => engine.Send(chat, _tokens, cancellationToken, predicted: predictions[i])).ToArray();
        await Task.WhenAll(asked.Select(a => a.Done));
        if (asked.Any(a => !a.Exchange.Completed)) throw new CommandFault("A request was refused or failed.");
        var after = engine.Engine.Statistics;
        return new()
        {
            [_rate] = Rate([.. asked.Select(a => a.Exchange)]),
            [_first] = Rate(first),
            [_drafted] = after.DraftTokens - before.DraftTokens,
            [_held] = after.AcceptedDraftTokens - before.AcceptedDraftTokens,
        };
    }

    private static double Rate(Exchange[] exchanges) => LoadResult.From([.. exchanges.Select(e => e.Timeline)]).DecodeTokensPerSecond;

    private int[] Predict(EngineClient engine, Exchange exchange)
    {
        var tokens = engine.Engine.Tokenizer!.Tokenize(exchange.Answer.ToString());
        if (!wrong) return tokens;
        for (var i = 3; i < tokens.Length; i += 4) tokens[i] = tokens[i] == 300 ? 301 : 300;
        return tokens;
    }
}
