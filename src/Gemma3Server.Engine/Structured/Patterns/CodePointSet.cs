namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>A set of Unicode scalar values, as ascending ranges that do not touch. Immutable, compared by what is in it.</summary>
internal sealed class CodePointSet : IEquatable<CodePointSet>
{
    private readonly (int First, int Last)[] _ranges;

    private CodePointSet((int, int)[] ranges) => _ranges = ranges;

    /// <summary>No character.</summary>
    public static CodePointSet Empty { get; } = new([]);

    /// <summary>Every scalar value.</summary>
    public static CodePointSet All { get; } = new([(0, 0xD7FF), (0xE000, 0x10FFFF)]);

    public bool IsEmpty => _ranges.Length == 0;

    public ReadOnlySpan<(int First, int Last)> Ranges => _ranges;

    /// <summary>One of the characters of a set that is not empty.</summary>
    public int First => _ranges[0].First;

    public static CodePointSet Of(int codePoint) => Range(codePoint, codePoint);

    /// <summary>The characters of a range, surrogates left out.</summary>
    public static CodePointSet Range(int first, int last) => Union([(first, last)]);

    /// <summary>The characters of all ranges, surrogates left out.</summary>
    public static CodePointSet Union(IEnumerable<(int First, int Last)> ranges)
    {
        var parts = new List<(int First, int Last)>();
        foreach (var (first, last) in ranges)
        {
            if (first <= Math.Min(last, 0xD7FF)) parts.Add((first, Math.Min(last, 0xD7FF)));
            if (Math.Max(first, 0xE000) <= last) parts.Add((Math.Max(first, 0xE000), last));
        }

        parts.Sort();
        var merged = new List<(int First, int Last)>();
        foreach (var part in parts)
        {
            if (merged.Count > 0 && part.First <= merged[^1].Last + 1) merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, part.Last));
            else merged.Add(part);
        }

        return new([.. merged]);
    }

    public bool Contains(int codePoint)
    {
        foreach (var (first, last) in _ranges)
        {
            if (codePoint <= last) return codePoint >= first;
        }

        return false;
    }

    public CodePointSet Or(CodePointSet other) => Union([.. _ranges, .. other._ranges]);

    public CodePointSet And(CodePointSet other)
    {
        var both = new List<(int, int)>();
        for (int i = 0, j = 0; i < _ranges.Length && j < other._ranges.Length;)
        {
            var (first, last) = (Math.Max(_ranges[i].First, other._ranges[j].First), Math.Min(_ranges[i].Last, other._ranges[j].Last));
            if (first <= last) both.Add((first, last));
            if (_ranges[i].Last < other._ranges[j].Last) i++;
            else j++;
        }

        return new([.. both]);
    }

    public CodePointSet Not()
    {
        var others = new List<(int, int)>();
        var next = 0;
        foreach (var (first, last) in _ranges)
        {
            if (next < first) others.Add((next, first - 1));
            next = last + 1;
        }

        others.Add((next, 0x10FFFF));
        return Union(others);
    }

    public bool Equals(CodePointSet? other) => other is not null && _ranges.AsSpan().SequenceEqual(other._ranges);

    public override bool Equals(object? obj) => Equals(obj as CodePointSet);

    public override int GetHashCode()
    {
        var hash = 17;
        foreach (var (first, last) in _ranges) hash = (hash * 31) + (first * 7) + last;
        return hash;
    }
}
