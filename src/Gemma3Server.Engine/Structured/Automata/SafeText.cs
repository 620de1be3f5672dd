namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// The characters that hardly any grammar for text inside something tells apart: all of Unicode but quotation mark, backslash and control
/// characters. Where a grammar takes any of them alike, whole sets of tokens are allowed without a look at each.
/// </summary>
internal static class SafeText
{
    /// <summary>The single bytes.</summary>
    public static readonly ByteSet Ascii = ByteSet.Range(0x20, 0x7E) & ~(ByteSet.Of('"') | ByteSet.Of('\\'));

    /// <summary>Their groups, and those of all longer characters.</summary>
    public static readonly GroupSet Groups = ByteGroups.WithLonger(Ascii);

    /// <summary>Bytes by which a state that does not allow safe text is mostly known at once.</summary>
    public static ReadOnlySpan<byte> Samples => [(byte)' ', (byte)'z', (byte)'{', 0xE4];

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
