using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Runtime;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Streams whose answers can be guessed, more or less; see <see cref="Prediction"/>.</summary>
/// <remarks>
/// All rows are computed, but what they say is a script (<see cref="ScriptedRuntime"/>). What counts is processor time: drafts are to save
/// work, and other users of the machine disturb it little.
/// </remarks>
/// <param name="name">The scenario's name.</param>
/// <param name="streams">Streams that run together.</param>
/// <param name="prediction">What can be guessed.</param>
/// <param name="target">Least speed, in parts of that without drafts.</param>
/// <param name="scale">Factor on the lengths.</param>
internal sealed class PredictedAnswers(string name, int streams, Prediction prediction, double target, Scale scale) : Scenario
{
    private const int Prompt = 16;

    /// <summary>A changed token; the script has none below <see cref="FirstToken"/>.</summary>
    private const int Changed = 300;

    private const int FirstToken = 1000;
    private const int Words = 50_000;

    /// <summary>Tokens after which a repeated text begins anew.</summary>
    private const int Period = 64;

    private readonly Metric _work = new("decode tok/processor s", Target: Target.AtLeastOf(SideKind.Off, target));
    private readonly Metric _rate = new("decode tok/s");
    private readonly Metric _steps = new("steps", "0");
    private readonly Metric _drafted = new("drafted tokens", "0");
    private readonly Metric _held = new("drafted tokens that held", "0");
    private readonly int _tokens = scale.Of(384, 64);

    public override string Name => name;

    public override string Title => $"{streams} {(streams == 1 ? "stream" : "streams")} of {_tokens} tokens, {prediction switch
    {
        Prediction.None => "nothing to guess from",
        Prediction.Right => "all of them predicted",
        Prediction.Edited => "nine in ten predicted",
        Prediction.Wrong => "predicted wrongly",
        Prediction.Repeated => $"the same {Period} again and again",
        _ => "nine in ten guessed by the draft model",
    }}";

    public override int Sequences => streams;

    public override int ContextLength => Prompt + _tokens + Slack;

    public override int Rounds => 3;

    public override bool NeedsDraft => prediction == Prediction.Model;

    public override string Note => "rows are computed, what they say is scripted";

    public override IReadOnlyList<Metric> Metrics => [_work, _rate, _steps, _drafted, _held];

    public override Func<IModelRuntime, bool, IModelRuntime> Wrap => (runtime, isDraft) => new ScriptedRuntime(runtime, isDraft ? Guess : Say);

    public override async Task<Dictionary<Metric, double>> RunAsync(EngineClient engine, ScenarioPrompts prompts, CancellationToken cancellationToken)
    {
        var before = engine.Engine.Statistics;
        var began = Environment.CpuUsage.TotalTime;
        var asked = prompts.Chats(streams, Prompt).Select(chat => engine.Send(chat, _tokens, cancellationToken, predicted: Predict(chat.Length))).ToArray();
        await Task.WhenAll(asked.Select(a => a.Done));
        var spent = Environment.CpuUsage.TotalTime - began;
        if (asked.Any(a => !a.Exchange.Completed)) throw new CommandFault("A request was refused or failed.");
        var after = engine.Engine.Statistics;
        return new()
        {
            [_work] = streams * _tokens / spent.TotalSeconds,
            [_rate] = LoadResult.From([.. asked.Select(a => a.Exchange.Timeline)]).DecodeTokensPerSecond,
            [_steps] = after.Steps - before.Steps,
            [_drafted] = after.DraftTokens - before.DraftTokens,
            [_held] = after.AcceptedDraftTokens - before.AcceptedDraftTokens,
        };
    }

    /// <summary>The token of a position, by a hash.</summary>
    private int Say(int position)
    {
        var place = (uint)(prediction == Prediction.Repeated ? position % Period : position);
        var hash = (place + 1) * 0x9E3779B1u;
        return FirstToken + (int)((hash ^ (hash >> 15)) * 0x85EBCA6Bu % Words);
    }

    private int Guess(int position) => position % 10 == 9 ? Changed : Say(position);

    private int[] Predict(int start)
    {
        var answer = Enumerable.Range(start, _tokens);
        return prediction switch
        {
            Prediction.Right => [.. answer.Select(Say)],
            Prediction.Edited => [.. answer.Select(Guess)],
            Prediction.Wrong => [.. answer.Select(Say).Chunk(3).Reverse().SelectMany(three => (int[])[.. three, Changed])],
            _ => [],
        };
    }
}
