using System.Numerics;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>A set of tokens: a list when there are few, else a bit for each token of the vocabulary. Immutable.</summary>
internal sealed class TokenMask
{
    /// <summary>Tokens up to which a list is smaller and quicker.</summary>
    private const int MostListed = 4096;

    private readonly ulong[]? _bits;

    private TokenMask(int[]? list, ulong[]? bits, int count) => (List, _bits, Count) = (list, bits, count);

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>The tokens, ascending, when there are few.</summary>
    public int[]? List { get; }

    /// <summary>Size in memory.</summary>
    public long Bytes => 64 + ((List?.Length ?? 0) * 4L) + ((_bits?.Length ?? 0) * 8L);

    /// <summary>The set whose bits these are; they are copied.</summary>
    public static TokenMask Of(ReadOnlySpan<ulong> bits)
    {
        var count = 0;
        foreach (var word in bits) count += BitOperations.PopCount(word);
        if (count > MostListed) return new(null, bits.ToArray(), count);
        var list = new int[count];
        var next = 0;
        for (var i = 0; i < bits.Length; i++)
        {
            for (var word = bits[i]; word != 0; word &= word - 1) list[next++] = (i * 64) + BitOperations.TrailingZeroCount(word);
        }

        return new(list, null, count);
    }

    public bool Contains(int token) => _bits is not null
        ? (uint)token >> 6 < (uint)_bits.Length && ((_bits[token >> 6] >> (token & 63)) & 1) != 0
        : Array.BinarySearch(List!, token) >= 0;

    /// <summary>Copies the logits of these tokens from <paramref name="source"/>, block by block; the others become negative infinity.</summary>
    public void Copy(ReadOnlySpan<float> source, int firstToken, Span<float> target)
    {
        for (var i = 0; i < target.Length; i += 64)
        {
            var at = (firstToken + i) >> 6;
            var word = at < _bits!.Length ? _bits[at] : 0;
            var part = target.Slice(i, Math.Min(64, target.Length - i));
            if (word == ulong.MaxValue)
            {
                source.Slice(i, part.Length).CopyTo(part);
                continue;
            }

            part.Fill(float.NegativeInfinity);
            for (; word != 0; word &= word - 1)
            {
                var bit = BitOperations.TrailingZeroCount(word);
                if (bit < part.Length) part[bit] = source[i + bit];
            }
        }
    }
}
