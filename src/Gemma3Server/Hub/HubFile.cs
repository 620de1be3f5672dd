namespace Gemma3Server.Hub;

/// <summary>A file of the hub at one commit.</summary>
/// <param name="Repository">The repository.</param>
/// <param name="Commit">The commit, or the revision as asked for where the hub names none.</param>
/// <param name="Path">The path in the repository.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its SHA-256 in lower-case hexadecimal; null where the hub gives none.</param>
internal sealed record HubFile(string Repository, string Commit, string Path, long Bytes, string? Sha256);
