namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// Characters in some sixty groups, a bit each: small enough to keep the groups of all that follows in a tree of tokens, fine enough to tell what
/// grammars tell apart (hexadecimal digits and other letters, each punctuation mark).
/// </summary>
internal static class ByteGroups
{
    /// <summary>What belongs to no group: parts of characters.</summary>
    public const ulong Partial = 1UL << 63;

    /// <summary>The groups of single bytes.</summary>
    public static readonly byte[][] Ascii = [.. Split()];

    /// <summary>
    /// The groups of longer characters, as ranges for each of their bytes (Unicode 3.9, table 3-7): two blocks of Western European ones, punctuation
    /// and symbols, what else has white space among it, and the others.
    /// </summary>
    public static readonly (byte First, byte Last)[][][] Longer =
    [
        [[(0xC2, 0xC2), (0x80, 0xBF)]],
        [[(0xC3, 0xC3), (0x80, 0xBF)]],
        [[(0xE2, 0xE2), (0x80, 0xBF), (0x80, 0xBF)]],
        [
            [(0xE1, 0xE1), (0x80, 0xBF), (0x80, 0xBF)],
            [(0xE3, 0xE3), (0x80, 0xBF), (0x80, 0xBF)],
            [(0xEF, 0xEF), (0x80, 0xBF), (0x80, 0xBF)],
        ],
        [
            [(0xC4, 0xDF), (0x80, 0xBF)],
            [(0xE0, 0xE0), (0xA0, 0xBF), (0x80, 0xBF)],
            [(0xE4, 0xEC), (0x80, 0xBF), (0x80, 0xBF)],
            [(0xED, 0xED), (0x80, 0x9F), (0x80, 0xBF)],
            [(0xEE, 0xEE), (0x80, 0xBF), (0x80, 0xBF)],
            [(0xF0, 0xF0), (0x90, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
            [(0xF1, 0xF3), (0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
            [(0xF4, 0xF4), (0x80, 0x8F), (0x80, 0xBF), (0x80, 0xBF)],
        ],
    ];

    /// <summary>The bits of all groups.</summary>
    public static readonly ulong All = (1UL << (Ascii.Length + Longer.Length)) - 1;

    private static readonly ulong[] Bits = CreateBits();

    /// <summary>The bit of the group of a byte that begins a character; <see cref="Partial"/> of any other.</summary>
    public static ulong Of(byte value) => Bits[value];

    /// <summary>The bits of some single bytes and all longer characters.</summary>
    public static ulong WithLonger(ByteSet ascii)
    {
        var bits = 0UL;
        for (var value = 0; value < 256; value++)
        {
            if (value >= 0x80 || ascii.Contains(value)) bits |= Bits[value];
        }

        return bits & ~Partial;
    }

    private static IEnumerable<byte[]> Split()
    {
        yield return [.. Enumerable.Range(0, 32).Append(127).Where(value => value is not ('\t' or '\n' or '\r')).Select(value => (byte)value)];
        foreach (var value in "\t\n\r !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") yield return [(byte)value];
        yield return [.. "0123456789"u8];
        yield return [.. "ABCDEF"u8];
        foreach (var letters in "GHIJKLMNOPQRSTUVWXYZ".Chunk(3)) yield return Array.ConvertAll(letters, letter => (byte)letter);
        yield return [.. "abcdef"u8];
        foreach (var letters in "ghijklmnopqrstuvwxyz".Chunk(2)) yield return Array.ConvertAll(letters, letter => (byte)letter);
    }

    private static ulong[] CreateBits()
    {
        var bits = new ulong[256];
        Array.Fill(bits, Partial);
        var group = 0;
        foreach (var values in Ascii)
        {
            foreach (var value in values) bits[value] = 1UL << group;
            group++;
        }

        foreach (var characters in Longer)
        {
            foreach (var ranges in characters)
            {
                for (int value = ranges[0].First; value <= ranges[0].Last; value++) bits[value] = 1UL << group;
            }

            group++;
        }

        return bits;
    }
}
