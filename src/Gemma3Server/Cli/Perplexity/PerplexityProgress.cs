using System.Globalization;
using Gemma3Server.Engine.Evaluation;
using Spectre.Console;

namespace Gemma3Server.Cli.Perplexity;

/// <summary>Says how far an evaluation is, at what rate and for how long still: a bar on a terminal, a line every tenth otherwise.</summary>
internal sealed class PerplexityProgress
{
    private const int Steps = 10;

    private readonly TimeProvider _time;
    private readonly Action<string> _say;
    private readonly ProgressTask? _bar;
    private long _began;
    private int _step;

    private PerplexityProgress(TimeProvider time, Action<string> say, ProgressTask? bar)
    {
        _time = time;
        _say = say;
        _bar = bar;
    }

    /// <summary>Runs <paramref name="action"/> with progress on <paramref name="error"/>, where it does not mix with the results.</summary>
    public static Task<T> RunAsync<T>(TextWriter error, TimeProvider time, Func<PerplexityProgress, Task<T>> action)
    {
        var console = CommandConsole.On(error);
        if (!console.Profile.Out.IsTerminal) return action(new(time, error.WriteLine, null));
        return console.Progress().AutoClear(true).StartAsync(context =>
        {
            var bar = context.AddTask("starting");
            return action(new(time, text => bar.Description = Markup.Escape(text), bar));
        });
    }

    public void Say(string text) => _say(text);

    /// <summary>Starts the clock, after loading.</summary>
    public void Begin() => _began = _time.GetTimestamp();

    /// <summary>Called on the evaluation's thread.</summary>
    public void Report(EvaluationProgress progress)
    {
        if (_bar is not null) _bar.Value = 100d * progress.Rows / progress.TotalRows;
        var step = (int)(Steps * progress.Rows / progress.TotalRows);
        if (_bar is null && step == _step) return;
        _step = step;
        var seconds = _time.GetElapsedTime(_began).TotalSeconds;
        if (seconds <= 0) return;
        var rate = progress.Rows / seconds;
        var left = TimeSpan.FromSeconds(Math.Ceiling((progress.TotalRows - progress.Rows) / rate));
        _say(string.Create(CultureInfo.InvariantCulture,
            $"{progress.Rows} of {progress.TotalRows} tokens, {rate:0} tokens/s, {left:hh\\:mm\\:ss} left"));
    }
}
