using System.Diagnostics;

namespace Gemma3Server.Benchmarks.Soak;

/// <summary>One lap's allowance of requests, shared by all users.</summary>
internal sealed class SoakLap(SoakPlan plan)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _taken;

    /// <summary>Whether another request belongs to this lap.</summary>
    public bool TryTake() => plan.LapRequests > 0
        ? Interlocked.Increment(ref _taken) <= plan.LapRequests
        : Stopwatch.GetElapsedTime(_start) < plan.LapTime;
}
