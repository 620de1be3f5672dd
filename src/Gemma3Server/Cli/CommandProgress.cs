using System.Globalization;
using Spectre.Console;

namespace Gemma3Server.Cli;

/// <summary>Progress of a command's one job: a bar where somebody can watch it, and a line every tenth otherwise.</summary>
internal static class CommandProgress
{
    /// <summary>Runs a job that reports the share that is done, 0 to 1, and what it is at, if that has a name; at once and in order.</summary>
    public static Task<T> RunAsync<T>(TextWriter error, string title, Func<Action<double, string?>, Task<T>> job)
    {
        var console = CommandConsole.On(error);
        if (console.Profile.Out.IsTerminal)
        {
            return console.Progress().AutoClear(true).StartAsync(context =>
            {
                var bar = context.AddTask(Markup.Escape(title));
                return job((share, at) => (bar.Description, bar.Value) = (Markup.Escape(at is null ? title : $"{title}: {at}"), 100 * share));
            });
        }

        var tenth = -1;
        return job((share, at) =>
        {
            if ((int)(10 * share) == tenth) return;
            tenth = (int)(10 * share);
            error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{title}: {100 * share:0} %{(at is null ? "" : $", {at}")}"));
        });
    }
}
