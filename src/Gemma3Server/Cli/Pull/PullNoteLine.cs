namespace Gemma3Server.Cli.Pull;

/// <summary>Something to know, as a line of <c>--json</c>.</summary>
internal sealed record PullNoteLine(string Event, string Message);
