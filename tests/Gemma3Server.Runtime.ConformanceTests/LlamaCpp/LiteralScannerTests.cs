using System.Text;
using Gemma3Server.Runtime.LlamaCpp;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class LiteralScannerTests
{
    /// <summary>Gemma's runs of white space and some of its tags.</summary>
    private static readonly string[] GemmaLiterals =
    [
        .. Enumerable.Range(1, 31).SelectMany(length => new[] { new string('\n', length), new string('\t', length), new string(' ', length + 1) }),
        "<td>", "</td>", "<code>", "[multimodal]",
    ];

    public static TheoryData<string, string[]> OrdinaryTexts => new()
    {
        { "paragraphs", ["\n\na"] },
        { "indented code", ["if (a)\n{\n", "        return b;\n", "}\n\n", "    x = 1;\n"] },
        { "mixed white space", ["\t\t  \t", " ", "  ", "\n \n", "a", "\t"] },
        { "long runs", [new string(' ', 100), "a", new string('\n', 40), "\t"] },
        { "one run", [" "] },
        { "a table", ["<td>1</td>", "<td> </td>\n"] },
    };

    [Theory]
    [MemberData(nameof(OrdinaryTexts))]
    public void Cut_OrdinaryText_GivesPartsOfBoundedLength(string name, string[] pieces)
    {
        var random = new Random(4);
        var text = string.Concat(Enumerable.Range(0, 400_000).Select(_ => pieces[random.Next(pieces.Length)]))[..400_000];

        var parts = new LiteralScanner(GemmaLiterals).Cut(text).Select(part => text[part].Length).ToArray();

        Assert.True(parts.Max() <= LiteralScanner.PartLength + 128, $"{name}: {parts.Length} parts, the longest of {parts.Max()}");
        Assert.Equal(text.Length, parts.Sum());
    }

    [Fact]
    public void Cut_RandomTexts_EqualsMatchingTheWholeText()
    {
        string[][] sets = [["ab", "abc", "cab", "b", "<x>", "<x><x>", "aaaa"], ["ab", "bc", "cabc", "zz", "zzz"], ["\u00E9a", "abc", "zz"], GemmaLiterals];
        string[][] alphabets = [["a", "b", "c", "<x>", "z", "z", "\u00E9"], ["a", "\n", "\n\n", " ", "    ", "\t", "<td>", "zz", "<", "</td>"]];
        var random = new Random(3);
        for (var round = 0; round < 200; round++)
        {
            var literals = sets[round % sets.Length];
            var alphabet = alphabets[literals == GemmaLiterals ? 1 : 0];
            var text = string.Concat(Enumerable.Range(0, LiteralScanner.PartLength * 2 + random.Next(500)).Select(_ => alphabet[random.Next(alphabet.Length)]));
            var parts = new LiteralScanner(literals).Cut(text).Select(part => text[part]).ToArray();
            Assert.True(parts.Length > 1);
            Assert.Equal(text, string.Concat(parts));
            Assert.Equal(Match(text, literals), parts.SelectMany(part => Match(part, literals)));
        }
    }

    [Fact]
    public void Cut_ShortTextOrNoLiterals_LeavesItWhole()
    {
        Assert.Single(new LiteralScanner(["a"]).Cut("aaaa"));
        Assert.Single(new LiteralScanner([]).Cut(new string('a', 100_000)));
    }

    [Fact]
    public void Cut_OccurrencesThatContestEachOther_LeavesThemWhole()
    {
        var text = string.Concat(Enumerable.Repeat("ab", 50_000));
        Assert.Single(new LiteralScanner(["ab", "ba"]).Cut(text));
        Assert.Single(new LiteralScanner(["ab", "ba", "x"]).Cut(text + "x"));
    }

    [Fact]
    public void Cut_OneLiteralOverlappingItself_FollowsItFromTheLeft()
    {
        var parts = new LiteralScanner(["aa"]).Cut(new string('a', 100_001)).ToArray();
        Assert.True(parts.Length > 10);
        Assert.All(parts[..^1], part => Assert.Equal(0, part.End.Value % 2));
    }

    /// <summary>As the library does it: the longest literal first, everywhere, then the next on what is left between. All fragments, matched or not.</summary>
    private static List<(string Text, bool Done)> Match(string text, string[] literals)
    {
        List<(string Text, bool Done)> fragments = [(text, false)];
        foreach (var literal in literals.OrderByDescending(Encoding.UTF8.GetByteCount))
        {
            fragments = [.. fragments.SelectMany(fragment => fragment.Done
                ? [fragment]
                : fragment.Text.Split(literal).SelectMany((part, i) => i == 0 ? [(part, false)] : new[] { (literal, true), (part, false) }).Where(part => part.Item1.Length > 0))];
        }

        return fragments;
    }
}
