namespace Gemma3Server.Hub;

/// <summary>A file that is here, verified.</summary>
/// <param name="Path">Where it lies.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its hash.</param>
/// <param name="Commit">The commit it is of.</param>
/// <param name="Fetched">Whether this pull fetched it; otherwise it was here.</param>
internal sealed record PulledFile(string Path, long Bytes, string Sha256, string Commit, bool Fetched);
