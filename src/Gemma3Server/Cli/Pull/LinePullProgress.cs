using Gemma3Server.Hub;

namespace Gemma3Server.Cli.Pull;

/// <summary>Progress as lines, for logs: one when something begins, one at its end, and one every ten seconds between.</summary>
internal sealed class LinePullProgress(TextWriter output, TimeProvider time) : IPullProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private (PullPhase Phase, string File) _about;
    private long _last;

    public void Report(PullStatus status)
    {
        var about = (status.Phase, status.File);
        if (about == _about && status.Bytes < status.Total && time.GetElapsedTime(_last) < Interval) return;
        (_about, _last) = (about, time.GetTimestamp());
        output.WriteLine(PullText.Of(status));
    }

    public void Note(string text) => output.WriteLine(text);
}
