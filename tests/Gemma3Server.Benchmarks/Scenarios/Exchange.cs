using System.Diagnostics;
using System.Text;
using Gemma3Server.Benchmarks.Load;
using Gemma3Server.Cli.Bench;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>One request to the engine and what came back, and when. Written by its reader, to be read when that is done.</summary>
internal sealed class Exchange
{
    private readonly TaskCompletionSource _began = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamTimeline Timeline { get; } = new();

    /// <summary>Completes with the first token, or with the end where none came.</summary>
    public Task Began => _began.Task;

    /// <summary>Prompt tokens that were reused and not computed.</summary>
    public int CachedTokens { get; private set; }

    /// <summary>The text of the answer.</summary>
    public StringBuilder Answer { get; } = new();

    /// <summary>Whether the answer came to its end.</summary>
    public bool Completed { get; set; }

    /// <summary>When the last event came, in stopwatch ticks.</summary>
    public long Ended { get; private set; }

    /// <summary>Seconds from sending to the first token.</summary>
    public double TimeToFirstToken => Timeline.TimeToFirstToken;

    /// <summary>What the user saw.</summary>
    public RequestOutcome Outcome => Completed
        ? new(true, TimeToFirstToken, RequestOutcome.PerToken(Stopwatch.GetElapsedTime(Timeline.FirstToken, Ended).TotalSeconds, Timeline.Tokens))
        : new(false, double.NaN, double.NaN);

    public void Begin(int promptTokens, int cachedTokens)
    {
        Timeline.PromptTokens = promptTokens;
        CachedTokens = cachedTokens;
        Timeline.Arrived(1); // the event goes out with the first token, whose text may be held back
        _began.TrySetResult();
    }

    public void Continue(string text, int tokens)
    {
        Answer.Append(text);
        if (tokens > Timeline.Tokens) Timeline.Arrived(tokens);
    }

    public void End()
    {
        Ended = Stopwatch.GetTimestamp();
        _began.TrySetResult();
    }
}
