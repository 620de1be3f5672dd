namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// The characters that hardly any grammar for text inside something tells apart: all of Unicode but quotation mark, backslash and control
/// characters. Where a grammar takes any of them alike, whole sets of tokens are allowed without a look at each.
/// </summary>
internal static class SafeText
{
    /// <summary>The single bytes.</summary>
    public static readonly ByteSet Ascii = ByteSet.Range(0x20, 0x7E) & ~(ByteSet.Of('"') | ByteSet.Of('\\'));

    /// <summary>The longer characters as ranges for each of their bytes (Unicode 3.9, table 3-7).</summary>
    public static readonly (byte First, byte Last)[][] Longer =
    [
        [(0xC2, 0xDF), (0x80, 0xBF)],
        [(0xE0, 0xE0), (0xA0, 0xBF), (0x80, 0xBF)],
        [(0xE1, 0xEC), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xED, 0xED), (0x80, 0x9F), (0x80, 0xBF)],
        [(0xEE, 0xEF), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xF0, 0xF0), (0x90, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xF1, 0xF3), (0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)],
        [(0xF4, 0xF4), (0x80, 0x8F), (0x80, 0xBF), (0x80, 0xBF)],
    ];

    /// <summary>The number of characters, when all of them are whole and safe; else 0.</summary>
    public static int Count(ReadOnlySpan<byte> piece)
    {
        var count = 0;
        while (!piece.IsEmpty)
        {
            if (System.Text.Rune.DecodeFromUtf8(piece, out var rune, out var length) != System.Buffers.OperationStatus.Done) return 0;
            if (rune.Value < 0x80 && !Ascii.Contains(rune.Value)) return 0;
            piece = piece[length..];
            count++;
        }

        return count;
    }
}
