using System.Globalization;
using System.Text;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>The pieces of one character. Characters outside of them come as byte tokens.</summary>
internal static class CharacterPieces
{
    /// <summary>SentencePiece's stand-in for a space.</summary>
    public const char Space = '\u2581';

    private const string Ascii =
        "etaoinsrldhcumpgf.yb,wvk)(10-ST\"AI2_Cx{}=\\/:E'PM;R$DNLB3zjOq5F4>H9<GW68*7U[]VK+J#Y&?^!%|X`@QZ~";

    private static readonly (int First, int Last)[] Ranges =
    [
        (0x00A1, 0x00FF), (0x0410, 0x044F), (0x0386, 0x03CE), (0x2010, 0x2026), (0x0100, 0x024F), (0x0370, 0x0385), (0x03CF, 0x040F),
        (0x0450, 0x04FF), (0x0250, 0x036F), (0x0531, 0x06FF), (0x0900, 0x0DFF), (0x0E01, 0x0EDF), (0x1000, 0x10FF), (0x1E00, 0x1FFF),
        (0x2030, 0x205E), (0x2070, 0x27BF), (0x3000, 0x30FF), (0xFF01, 0xFFEE), (0x1F300, 0x1F6FF), (0x1F900, 0x1F9FF),
        (0xAC00, 0xBBFF), (0x4E00, 0x9FFF),
    ];

    /// <summary>All characters, without repetition; more than any vocabulary takes.</summary>
    public static IEnumerable<Rune> MostCommonFirst()
    {
        yield return new Rune(Space);
        foreach (var character in Ascii)
            yield return new Rune(character);
        foreach (var (first, last) in Ranges)
        {
            for (var code = first; code <= last; code++)
            {
                if (code != Space && IsVisible(CharUnicodeInfo.GetUnicodeCategory(code)))
                    yield return new Rune(code);
            }
        }
    }

    private static bool IsVisible(UnicodeCategory category) => category is not
        (UnicodeCategory.OtherNotAssigned or UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate);
}
