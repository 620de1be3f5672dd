using System.Collections.Concurrent;
using Gemma3Server.Benchmarks.Load;
using Gemma3Server.Engine;

namespace Gemma3Server.Benchmarks.Soak;

/// <summary>What a soak did and found.</summary>
/// <remarks>Counts and faults may be added from any thread.</remarks>
internal sealed class SoakReport
{
    private const double Megabyte = 1 << 20;

    private readonly ConcurrentDictionary<SoakKind, int> _counts = new();
    private readonly ConcurrentQueue<string> _faults = new();
    private readonly List<SoakSample> _samples = [];

    /// <summary>Requests by kind.</summary>
    public IReadOnlyDictionary<SoakKind, int> Counts => _counts;

    /// <summary>Whatever was not as it should be; empty after a clean soak.</summary>
    public IReadOnlyCollection<string> Faults => _faults;

    /// <summary>What the engine had counted at the end.</summary>
    public EngineStatistics Engine { get; set; } = new();

    /// <summary>One sample a lap.</summary>
    public IReadOnlyList<SoakSample> Samples => _samples;

    /// <summary>Growth of the managed heap after warm-up, in MiB per minute.</summary>
    public double HeapSlope => Slope(sample => sample.HeapBytes);

    /// <summary>Growth of the resident set after warm-up, in MiB per minute.</summary>
    public double ResidentSlope => Slope(sample => sample.ResidentBytes);

    /// <summary>The samples that count: caches, pools and the JIT settle in the first third.</summary>
    public IReadOnlyList<SoakSample> Settled => [.. _samples.Skip(Math.Max(1, _samples.Count / 3))];

    public void Count(SoakKind kind) => _counts.AddOrUpdate(kind, 1, (_, count) => count + 1);

    public void Fault(string message) => _faults.Enqueue(message);

    public void Add(SoakSample sample) => _samples.Add(sample);

    /// <summary>Whether what a slope adds up to over the settled time is small beside what was there, or small in itself.</summary>
    public bool IsFlat(double slope, Func<SoakSample, long> bytes, double share, double megabytes)
    {
        if (Settled.Count < 2) return true;
        var growth = slope * (Settled[^1].Minutes - Settled[0].Minutes);
        return growth <= Math.Max(megabytes, share * bytes(Settled[0]) / Megabyte);
    }

    private double Slope(Func<SoakSample, long> bytes) => LinearTrend.Slope([.. Settled.Select(s => (s.Minutes, bytes(s) / Megabyte))]);
}
