namespace Gemma3Server.Catalog;

/// <summary>What is known about a pulled file: it was verified against this hash when it was put in its place.</summary>
/// <param name="Repository">Where it is from.</param>
/// <param name="Commit">The commit it is of.</param>
/// <param name="File">Its path in the repository.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Sha256">Its hash, in lower-case hexadecimal.</param>
/// <param name="PulledAt">When.</param>
internal sealed record Receipt(string Repository, string Commit, string File, long Bytes, string Sha256, DateTimeOffset PulledAt);
