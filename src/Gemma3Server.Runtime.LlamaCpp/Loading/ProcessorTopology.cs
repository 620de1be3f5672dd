namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>How many compute threads suit this machine.</summary>
internal static class ProcessorTopology
{
    private const string CpuRoot = "/sys/devices/system/cpu";

    /// <summary>
    /// Physical cores within this process's share, less one where four or fewer: the workers spin at barriers, and one that loses its core
    /// to the HTTP side stops all others (measured: 27 times slower with two threads on one free core).
    /// </summary>
    public static int DefaultThreads()
    {
        var cores = Math.Max(1, Math.Min(CountPhysicalCores(CpuRoot), Environment.ProcessorCount));
        return cores <= 4 ? Math.Max(1, cores - 1) : cores;
    }

    /// <summary>Distinct sets of sibling threads; the number of logical processors where the system does not tell.</summary>
    internal static int CountPhysicalCores(string root)
    {
        try
        {
            var siblings = new HashSet<string>(StringComparer.Ordinal);
            foreach (var cpu in Directory.EnumerateDirectories(root, "cpu*"))
            {
                var file = Path.Combine(cpu, "topology", "thread_siblings_list");
                if (File.Exists(file)) siblings.Add(File.ReadAllText(file).Trim());
            }

            return siblings.Count > 0 ? siblings.Count : Environment.ProcessorCount;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Environment.ProcessorCount;
        }
    }
}
