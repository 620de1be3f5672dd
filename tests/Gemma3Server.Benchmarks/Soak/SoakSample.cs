namespace Gemma3Server.Benchmarks.Soak;

/// <summary>What the process held after a lap, when it was idle.</summary>
/// <param name="Minutes">Time since the start.</param>
/// <param name="HeapBytes">Managed heap after a collection.</param>
/// <param name="ResidentBytes">Resident set of the process.</param>
internal sealed record SoakSample(double Minutes, long HeapBytes, long ResidentBytes);
