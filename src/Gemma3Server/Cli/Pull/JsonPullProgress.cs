using Gemma3Server.Hub;

namespace Gemma3Server.Cli.Pull;

/// <summary>Progress as JSON lines.</summary>
internal sealed class JsonPullProgress(TextWriter output) : IPullProgress
{
    public void Report(PullStatus status) => output.WriteLine(PullJson.Of(new PullProgressLine(
        JsonName.Of($"{status.Phase}"), status.File, status.Bytes, status.Total, (long)status.BytesPerSecond,
        status.Left is { } left ? Math.Round(left.TotalSeconds, 1) : null)));

    public void Note(string text) => output.WriteLine(PullJson.Of(new PullNoteLine("note", text)));
}
