using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>Characters inside a JSON string: as they are where JSON allows it, by short escapes, and by \u with its surrogate pairs.</summary>
internal sealed class JsonStringEncoding : ICharacterEncoding
{
    public static readonly JsonStringEncoding Instance = new();

    private const string Escaped = "\"\\/\b\f\n\r\t";
    private const string Escapes = "\"\\/bfnrt";

    private static readonly CodePointSet Literal = CodePointSet.Union([(0x20, 0x21), (0x23, 0x5B), (0x5D, 0x10_FFFF)]);

    private static readonly CodePointSet Plane0 = CodePointSet.Range(0, 0xFFFF);

    public int Character(GrammarBuilder builder, CodePointSet set, int next)
    {
        var escapes = new List<int>();
        for (var i = 0; i < Escaped.Length; i++)
        {
            if (set.Contains(Escaped[i])) escapes.Add(builder.Bytes(ByteSet.Of(Escapes[i]), next));
        }

        var units = new List<int>();
        foreach (var (first, last) in set.And(Plane0).Ranges) units.Add(Hex(builder, first, last, next));
        foreach (var (first, last) in set.Ranges)
        {
            if (last > 0xFFFF) AddPairs(builder, units, Math.Max(first, 0x1_0000) - 0x1_0000, last - 0x1_0000, next);
        }

        escapes.Add(builder.Bytes(ByteSet.Of('u'), builder.Split([.. units])));
        return builder.Split(
            Utf8Encoding.Instance.Character(builder, set.And(Literal), next),
            builder.Bytes(ByteSet.Of('\\'), builder.Split([.. escapes])));
    }

    /// <summary>Adds the pairs of surrogates for a range of 20-bit numbers: whole blocks of 1024 by their first surrogate, the rest singly.</summary>
    private static void AddPairs(GrammarBuilder builder, List<int> units, int first, int last, int next)
    {
        var (low, high) = (first >> 10, last >> 10);
        if ((first & 0x3FF) != 0 || low == high)
        {
            Add(low, low, first & 0x3FF, low == high ? last & 0x3FF : 0x3FF);
            low++;
        }

        if (low > high) return;
        if ((last & 0x3FF) != 0x3FF)
        {
            Add(high, high, 0, last & 0x3FF);
            high--;
        }

        if (low <= high) Add(low, high, 0, 0x3FF);

        void Add(int fromHigh, int toHigh, int fromLow, int toLow)
        {
            var second = builder.Literal("\\u"u8, Hex(builder, 0xDC00 + fromLow, 0xDC00 + toLow, next));
            units.Add(Hex(builder, 0xD800 + fromHigh, 0xD800 + toHigh, second));
        }
    }

    private static int Hex(GrammarBuilder builder, int first, int last, int next) =>
        DigitRange.Build(first, last, 4, 4, next, (low, high, _, then) => builder.Bytes(HexDigits(low, high), then), targets => builder.Split(targets));

    private static ByteSet HexDigits(int first, int last)
    {
        var digits = ByteSet.Range('0' + first, '0' + Math.Min(last, 9));
        var (low, high) = (Math.Max(first, 10) - 10, last - 10);
        return low > high ? digits : digits | ByteSet.Range('a' + low, 'a' + high) | ByteSet.Range('A' + low, 'A' + high);
    }
}
