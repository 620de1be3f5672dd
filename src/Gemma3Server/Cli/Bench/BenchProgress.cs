using Spectre.Console;

namespace Gemma3Server.Cli.Bench;

/// <summary>Says what a benchmark is doing: one line that changes on a terminal, a line each time otherwise.</summary>
internal sealed class BenchProgress
{
    private readonly Action<string> _say;

    private BenchProgress(Action<string> say) => _say = say;

    /// <summary>Runs <paramref name="action"/> with progress on <paramref name="error"/>, where it does not mix with the results.</summary>
    public static Task RunAsync(TextWriter error, Func<BenchProgress, Task> action)
    {
        var console = CommandConsole.On(error);
        return console.Profile.Out.IsTerminal
            ? console.Status().StartAsync("starting", context => action(new(text => context.Status = Markup.Escape(text))))
            : action(new(error.WriteLine));
    }

    public void Say(string text) => _say(text);
}
