namespace Gemma3Server.Cli.Pull;

/// <summary>A file that is here, as a line of <c>--json</c>.</summary>
internal sealed record PullDoneLine(string Event, string Path, long Bytes, string Sha256, string Commit, bool Fetched);
