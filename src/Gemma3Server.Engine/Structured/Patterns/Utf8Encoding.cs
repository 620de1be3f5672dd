using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>Characters as they are, in UTF-8.</summary>
internal sealed class Utf8Encoding : ICharacterEncoding
{
    public static readonly Utf8Encoding Instance = new();

    private static readonly (int First, int Last)[] Lengths = [(0, 0x7F), (0x80, 0x7FF), (0x800, 0xFFFF), (0x1_0000, 0x10_FFFF)];

    public int Character(GrammarBuilder builder, CodePointSet set, int next)
    {
        var ways = new List<int>();
        foreach (var (first, last) in set.Ranges)
        {
            for (var length = 0; length < Lengths.Length; length++)
            {
                var (low, high) = (Math.Max(first, Lengths[length].First), Math.Min(last, Lengths[length].Last));
                if (low <= high) ways.Add(Range(builder, low, high, length, next));
            }
        }

        return builder.Split([.. ways]);
    }

    private static int Range(GrammarBuilder builder, int first, int last, int trailing, int next)
    {
        if (trailing == 0) return builder.Bytes(ByteSet.Range(first, last), next);
        return DigitRange.Build(first, last, trailing + 1, 6, next, (digit, end, position, then) =>
        {
            var offset = position > 0 ? 0x80 : trailing switch { 1 => 0xC0, 2 => 0xE0, _ => 0xF0 };
            return builder.Bytes(ByteSet.Range(offset + digit, offset + end), then);
        }, targets => builder.Split(targets));
    }
}
