namespace Gemma3Server.Cli.Pull;

/// <summary>A failure, as a line of <c>--json</c>.</summary>
internal sealed record PullErrorLine(string Event, string Code, string Message);
