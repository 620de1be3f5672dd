namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>How much memory of the host a process can still take.</summary>
internal static class HostMemory
{
    private const string Groups = "/sys/fs/cgroup";

    /// <summary>Bytes that are free or can be freed from the page cache, within the container's limit; the largest number where nothing tells.</summary>
    public static long Available() => Math.Min(
        ReadNumber("/proc/meminfo", "MemAvailable:") is { } kibibytes ? kibibytes << 10 : long.MaxValue,
        Math.Min(LeftInGroup(Groups, "memory.max", "anon "), LeftInGroup(Path.Combine(Groups, "memory"), "memory.limit_in_bytes", "total_rss ")));

    /// <summary>What a control group's limit leaves. The page cache is counted to it too, but is given up before anything fails.</summary>
    private static long LeftInGroup(string folder, string limitFile, string usedLabel) =>
        ReadNumber(Path.Combine(folder, limitFile), "") is { } limit && ReadNumber(Path.Combine(folder, "memory.stat"), usedLabel) is { } used
            ? Math.Max(0, limit - used)
            : long.MaxValue;

    private static long? ReadNumber(string path, string label)
    {
        try
        {
            if (!File.Exists(path)) return null;
            var line = File.ReadLines(path).FirstOrDefault(line => line.StartsWith(label, StringComparison.Ordinal));
            return line is not null && long.TryParse(line.AsSpan(label.Length).Trim().TrimEnd("kB").TrimEnd(), out var number) ? number : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
