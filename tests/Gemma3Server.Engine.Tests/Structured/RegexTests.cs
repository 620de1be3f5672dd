using System.Text;
using System.Text.RegularExpressions;
using Gemma3Server.Engine.Structured;

namespace Gemma3Server.Engine.Tests.Structured;

public sealed class RegexTests
{
    [Fact]
    public void Build_RandomExpressions_AgreesWithDotNet()
    {
        var random = new Random(42);
        var (ended, taken) = (0, 0);
        for (var i = 0; i < 200; i++)
        {
            var expression = Expression(random, 3);
            var grammar = Grammars.Regex(expression);
            var peer = new Regex($"\\A(?:{expression})\\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, TimeSpan.FromSeconds(10));

            // What is generated matches.
            for (var j = 0; j < 5; j++)
            {
                // A character beyond 16 bits is two to .NET.
                if (grammar.Generate(random, 60) is not { } text || text.Any(char.IsSurrogate)) continue;
                Assert.True(peer.IsMatch(text), $"{expression} does not match '{text}'");
                ended++;
            }

            // Any text is judged alike.
            for (var j = 0; j < 60; j++)
            {
                var text = string.Concat(Enumerable.Range(0, random.Next(0, 6)).Select(_ => "abc01é日 -"[random.Next(9)]));
                Assert.True(peer.IsMatch(text) == grammar.Takes(text), $"{expression} and '{text}'");
                if (grammar.Takes(text)) taken++;
            }
        }

        Assert.True(ended > 500 && taken > 200, $"{ended} texts ended, {taken} were taken: too few to tell.");
    }

    [Theory]
    [InlineData("(a)\\1", "back reference")]
    [InlineData("\\k<x>", "back reference")]
    [InlineData("(?=a)b", "look-ahead")]
    [InlineData("(?!a)b", "look-ahead")]
    [InlineData("(?<=a)b", "look-behind")]
    [InlineData("\\bx", "word boundary")]
    [InlineData("\\p{L}", "Unicode property")]
    [InlineData("(?i)a", "kind of group")]
    [InlineData("a(^b)", "^ or $ inside")]
    [InlineData("(a", "'(' without ')'")]
    [InlineData("a)", "unmatched ')'")]
    [InlineData("[a", "'[' without ']'")]
    [InlineData("[z-a]", "range")]
    [InlineData("*a", "nothing to repeat")]
    [InlineData("a**", "quantifier behind a quantifier")]
    [InlineData("a{3,2}", "wrong order")]
    [InlineData("a{1,200000}", "repetitions")]
    [InlineData("a\\", "'\\' at its end")]
    [InlineData("\\ud800", "surrogate")]
    public void Build_UnsupportedExpression_SaysWhatAndWhere(string expression, string message)
    {
        var fault = Grammars.Fault(new(GrammarKind.Regex, expression));
        Assert.Contains(message, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("^ab$", "ab", "b")]
    [InlineData("ab|^c", "c", "d")]
    [InlineData("a{2,}", "aaaaaa", "a")]
    [InlineData("[^a-c]", "日", "b")]
    [InlineData("[\\d\\-x]+", "1-x", "y")]
    [InlineData("\\u{1F389}|\\x41|\\cJ", "🎉", "B")]
    [InlineData("(?:a|b)+?c", "abac", "ac ")]
    [InlineData("(?<year>\\d{4})", "2024", "24")]
    [InlineData("x{,3}", "x{,3}", "xx")]
    [InlineData(".{2}", "é日", "a\n")]
    [InlineData("", "", "a")]
    [InlineData("[\\s\\S]*", "any\nthing", null)]
    public void Build_Expression_MatchesTheWholeText(string expression, string match, string? other)
    {
        var grammar = Grammars.Regex(expression);
        Assert.True(grammar.Takes(match));
        if (other is not null) Assert.False(grammar.Takes(other));
    }

    [Fact]
    public void Build_DeepOrHugeExpressions_AreBounded()
    {
        Assert.Contains("nested deeper", Grammars.Fault(new(GrammarKind.Regex, new string('(', 2000) + new string(')', 2000))).Message, StringComparison.Ordinal);
        Assert.Contains("4097 characters", Grammars.Fault(new(GrammarKind.Regex, new string('a', 4097))).Message, StringComparison.Ordinal);
        // Optional parts in a row, which stop llama.cpp for seconds: a state for each, no more.
        var grammar = Grammars.Regex(string.Concat(Enumerable.Repeat("a?", 1000)) + "b");
        Assert.True(grammar.Takes(new string('a', 1000) + "b"));
        Assert.False(grammar.Begins(new string('a', 1001)));
        Assert.True(Grammars.Regex("a{1,100000}").Takes(new string('a', 99_999)));
    }

    private static string Expression(Random random, int depth)
    {
        var text = new StringBuilder();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            text.Append(random.Next(depth > 0 ? 9 : 6) switch
            {
                0 => "[a-c]",
                1 => "[^b\\n]",
                2 => "[0-1]",
                3 => "é",
                4 => "[日 -]",
                5 => "abc01"[random.Next(5)].ToString(),
                6 => $"({Expression(random, depth - 1)}|{Expression(random, depth - 1)})",
                7 => $"(?:{Expression(random, depth - 1)})",
                _ => $"(?:{Expression(random, depth - 1)})?",
            });
            if (text[^1] == '?') continue;
            text.Append(random.Next(10) switch
            {
                0 => "*",
                1 => "+",
                2 => "?",
                3 => "{2}",
                4 => "{1,3}",
                5 => "{0,7}",
                _ => "",
            });
        }

        return text.ToString();
    }
}
