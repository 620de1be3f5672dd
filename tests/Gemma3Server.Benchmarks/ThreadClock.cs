using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Gemma3Server.Benchmarks;

/// <summary>Processor time of this thread, which other users of a machine hardly disturb; where the system is not Linux, time.</summary>
internal static partial class ThreadClock
{
    private const int ThreadProcessorTime = 3; // CLOCK_THREAD_CPUTIME_ID

    /// <summary>How long an action takes.</summary>
    public static double Microseconds(Action action)
    {
        var start = Now();
        action();
        return Now() - start;
    }

    private static double Now()
    {
        if (!OperatingSystem.IsLinux() || GetTime(ThreadProcessorTime, out var time) != 0) return Stopwatch.GetTimestamp() * 1e6 / Stopwatch.Frequency;
        return (time.Seconds * 1e6) + (time.Nanoseconds / 1e3);
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Time time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Time(long Seconds, long Nanoseconds);
}
