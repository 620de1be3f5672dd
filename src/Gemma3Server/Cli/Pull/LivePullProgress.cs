using Gemma3Server.Hub;
using Spectre.Console;

namespace Gemma3Server.Cli.Pull;

/// <summary>Progress as a bar on a terminal.</summary>
internal sealed class LivePullProgress(IAnsiConsole console, ProgressTask bar) : IPullProgress
{
    public void Report(PullStatus status)
    {
        bar.Description = Markup.Escape(PullText.Of(status));
        bar.IsIndeterminate = status.Total == 0;
        bar.Value = status.Total == 0 ? 0 : 100d * status.Bytes / status.Total;
    }

    public void Note(string text) => console.WriteLine(text);
}
