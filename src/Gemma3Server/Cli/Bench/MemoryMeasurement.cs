using Gemma3Server.Planning;

namespace Gemma3Server.Cli.Bench;

/// <summary>What a load really took, beside what was planned for it.</summary>
/// <remarks>
/// The host's side is what of this process is resident and its own, without the .NET heap: a mapped file would not be in it. The GPU's is what
/// is less free than before.
/// </remarks>
internal sealed class MemoryMeasurement(DevicePlan plan, Func<long> gpuFree)
{
    private long _host;
    private long _gpu;

    /// <summary>Bytes of the host that were planned.</summary>
    public long HostPlanned => plan.Host.Total;

    /// <summary>Bytes of the GPU that were planned.</summary>
    public long GpuPlanned => plan.Gpu?.Total ?? 0;

    /// <summary>Bytes of the host that the load took; null where the system does not tell.</summary>
    public long? HostTaken { get; private set; }

    /// <summary>Bytes of the GPU that the load took.</summary>
    public long GpuTaken { get; private set; }

    /// <summary>Called before the load.</summary>
    public void Begin() => (_host, _gpu) = (Resident() ?? 0, gpuFree());

    /// <summary>Called once all buffers have been used.</summary>
    public void End() => (HostTaken, GpuTaken) = (Resident() - _host, _gpu - gpuFree());

    private static long? Resident()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        const string Status = "/proc/self/status";
        const string Label = "RssAnon:";
        if (!File.Exists(Status)) return null;
        var line = File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(Label, StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(Label.Length).Trim().TrimEnd("kB").TrimEnd(), out var kibibytes)
            ? (kibibytes << 10) - GC.GetGCMemoryInfo().TotalCommittedBytes
            : null;
    }
}
