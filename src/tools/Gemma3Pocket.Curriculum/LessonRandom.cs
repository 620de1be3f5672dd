namespace Gemma3Pocket.Curriculum;

/// <summary>SplitMix64: the same lessons from the same seed on every machine and .NET version.</summary>
internal sealed class LessonRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A number in [0, bound).</summary>
    public int Below(int bound) => (int)(((UInt128)Next() * (ulong)bound) >> 64);

    /// <summary>A number in [least, most].</summary>
    public int Between(int least, int most) => least + Below(most - least + 1);

    public bool Percent(int percent) => Below(100) < percent;

    public T Of<T>(IReadOnlyList<T> choices) => choices[Below(choices.Count)];

    /// <summary>Different elements in random order.</summary>
    public T[] Some<T>(IReadOnlyList<T> choices, int count)
    {
        var pool = choices.ToArray();
        for (var i = 0; i < count; i++)
        {
            var j = Between(i, pool.Length - 1);
            (pool[i], pool[j]) = (pool[j], pool[i]);
        }

        return pool[..count];
    }

    private ulong Next()
    {
        var z = _state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
