namespace Gemma3Server.Cli.Pull;

/// <summary>Progress, as a line of <c>--json</c>; the event is the phase.</summary>
internal sealed record PullProgressLine(string Event, string File, long Bytes, long Total, long BytesPerSecond, double? SecondsLeft);
