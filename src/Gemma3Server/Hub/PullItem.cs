namespace Gemma3Server.Hub;

/// <summary>A file that is asked for.</summary>
/// <param name="Path">Its path in the repository; of a sharded one, that of any shard.</param>
/// <param name="Sha256">The hash that it must have; empty = what the hub says.</param>
internal sealed record PullItem(string Path, string Sha256 = "");
