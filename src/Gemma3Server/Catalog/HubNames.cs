using System.Text.RegularExpressions;

namespace Gemma3Server.Catalog;

/// <summary>What may be a repository, a revision and a file of the hub. What passes is safe as part of an address and of a local path.</summary>
internal static partial class HubNames
{
    /// <summary>Whether <paramref name="text"/> is <c>owner/name</c>.</summary>
    public static bool IsRepository(string text) => Repository.IsMatch(text) && !text.Contains("..", StringComparison.Ordinal);

    /// <summary>Whether <paramref name="text"/> can be a branch, tag or commit.</summary>
    public static bool IsRevision(string text) => Revision.IsMatch(text) && !text.Contains("..", StringComparison.Ordinal);

    /// <summary>Whether <paramref name="path"/> is a relative path that stays below its root; the hub's own separator is the slash.</summary>
    public static bool IsFile(string path) =>
        path.Length is > 0 and <= 500 && path.Split('/').All(part => part.Length > 0 && part[0] != '.' && !part.Any(IsUnsafe));

    /// <summary>The files of a sharded model, or the file alone.</summary>
    public static IReadOnlyList<string> Shards(string path)
    {
        var match = Shard.Match(path);
        if (!match.Success || !int.TryParse(match.Groups["count"].Value, out var count) || count is < 1 or > MostShards) return [path];
        return [.. Enumerable.Range(1, count).Select(i => $"{match.Groups["name"].Value}-{i:00000}-of-{count:00000}.gguf")];
    }

    /// <summary>Control characters, and what is special in paths of any system.</summary>
    private static bool IsUnsafe(char c) => char.IsControl(c) || "\\:*?\"<>|".Contains(c, StringComparison.Ordinal);

    /// <summary>A bound on what a file name can make this program do.</summary>
    private const int MostShards = 1000;

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}\z")]
    private static partial Regex Repository { get; }

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}\z")]
    private static partial Regex Revision { get; }

    [GeneratedRegex(@"^(?<name>.*)-\d{5}-of-(?<count>\d{5})\.gguf\z")]
    private static partial Regex Shard { get; }
}
