using System.Runtime.CompilerServices;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>
/// The SplitMix64 generator (Steele, Lea and Flood, 2014) as a function of a key and a counter. Any part of a sequence can be computed
/// alone, so a result does not depend on how many threads compute it.
/// </summary>
internal static class SplitMix64
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong At(ulong key, ulong counter)
    {
        var z = key + (counter + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A float in [-1, 1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SignedUnit(ulong random) => (int)(random >> 32) * (1f / 2147483648f);
}
