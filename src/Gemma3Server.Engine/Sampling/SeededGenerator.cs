namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood 2014) used as a counter-based generator: the draw for a token depends on the seed and the token's index
/// alone. A request that is preempted, or resumed in another process, therefore goes on with the same draws, and nothing has to be saved.
/// </summary>
internal readonly struct SeededGenerator(ulong seed)
{
    private const ulong Gamma = 0x9E3779B97F4A7C15UL;

    // Mixed once, so that neighbouring seeds do not give shifted copies of one stream.
    private readonly ulong _state = Mix(seed + Gamma);

    /// <summary>Draw number <paramref name="index"/>, uniform in [0, 1).</summary>
    public double Uniform(int index) => (Mix(_state + (((ulong)index + 1) * Gamma)) >> 11) * (1.0 / (1UL << 53));

    /// <summary>A further draw for the same token, when <paramref name="attempt"/> is not 0.</summary>
    public double UniformOf(int index, int attempt) =>
        attempt == 0 ? Uniform(index) : (Mix(Mix(_state + (((ulong)index + 1) * Gamma)) + ((ulong)attempt * Gamma)) >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }
}
