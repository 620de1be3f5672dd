namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// Characters in some hundred groups, a bit each: small enough to keep the groups of all that follows in a tree of tokens, fine enough to tell what
/// grammars tell apart: each printable character of ASCII is one of its own.
/// </summary>
internal static class ByteGroups
{
    /// <summary>What belongs to no group: parts of characters.</summary>
    public static readonly GroupSet Partial = GroupSet.Of(127);

    /// <summary>The groups of single bytes.</summary>
    public static readonly byte[][] Ascii =
    [
        [.. Enumerable.Range(0, 32).Append(127).Where(value => value is not ('\t' or '\n' or '\r')).Select(value => (byte)value)],
        [(byte)'\t'], [(byte)'\n'], [(byte)'\r'],
        .. Enumerable.Range(' ', '~' - ' ' + 1).Select(value => (byte[])[(byte)value]),
    ];

    /// <summary>
    /// The groups of longer characters, as the possible values of each of their bytes (Unicode 3.9, table 3-7): two blocks of Western European ones, punctuation
    /// and symbols, what else has white space among it, and the others.
    /// </summary>
    public static readonly byte[][][][] Longer =
    [
        [[Range(0xC2, 0xC2), Range(0x80, 0xBF)]],
        [[Range(0xC3, 0xC3), Range(0x80, 0xBF)]],
        [[Range(0xE2, 0xE2), Range(0x80, 0xBF), Range(0x80, 0xBF)]],
        [
            [Range(0xE1, 0xE1), Range(0x80, 0xBF), Range(0x80, 0xBF)],
            [Range(0xE3, 0xE3), Range(0x80, 0xBF), Range(0x80, 0xBF)],
            [Range(0xEF, 0xEF), Range(0x80, 0xBF), Range(0x80, 0xBF)],
        ],
        [
            [Range(0xC4, 0xDF), Range(0x80, 0xBF)],
            [Range(0xE0, 0xE0), Range(0xA0, 0xBF), Range(0x80, 0xBF)],
            [Range(0xE4, 0xEC), Range(0x80, 0xBF), Range(0x80, 0xBF)],
            [Range(0xED, 0xED), Range(0x80, 0x9F), Range(0x80, 0xBF)],
            [Range(0xEE, 0xEE), Range(0x80, 0xBF), Range(0x80, 0xBF)],
            [Range(0xF0, 0xF0), Range(0x90, 0xBF), Range(0x80, 0xBF), Range(0x80, 0xBF)],
            [Range(0xF1, 0xF3), Range(0x80, 0xBF), Range(0x80, 0xBF), Range(0x80, 0xBF)],
            [Range(0xF4, 0xF4), Range(0x80, 0x8F), Range(0x80, 0xBF), Range(0x80, 0xBF)],
        ],
    ];

    /// <summary>How many groups there are.</summary>
    public static readonly int Count = Ascii.Length + Longer.Length;

    /// <summary>All groups.</summary>
    public static readonly GroupSet All = Enumerable.Range(0, Count).Aggregate(default(GroupSet), (all, group) => all | GroupSet.Of(group));

    private static readonly GroupSet[] Bits = CreateBits();

    /// <summary>The bit of the group of a byte that begins a character; <see cref="Partial"/> of any other.</summary>
    public static GroupSet Of(byte value) => Bits[value];

    /// <summary>The bits of some single bytes and all longer characters.</summary>
    public static GroupSet WithLonger(ByteSet ascii)
    {
        var bits = default(GroupSet);
        for (var value = 0; value < 256; value++)
        {
            if (value >= 0x80 || ascii.Contains(value)) bits |= Bits[value];
        }

        return bits & ~Partial;
    }

    private static byte[] Range(int first, int last) => [.. Enumerable.Range(first, last - first + 1).Select(value => (byte)value)];

    private static GroupSet[] CreateBits()
    {
        var bits = new GroupSet[256];
        Array.Fill(bits, Partial);
        var group = 0;
        foreach (var values in Ascii)
        {
            foreach (var value in values) bits[value] = GroupSet.Of(group);
            group++;
        }

        foreach (var characters in Longer)
        {
            foreach (var value in characters.SelectMany(way => way[0])) bits[value] = GroupSet.Of(group);

            group++;
        }

        return bits;
    }
}
