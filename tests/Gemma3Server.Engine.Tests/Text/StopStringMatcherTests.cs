using System.Text;
using Gemma3Server.Engine.Text;

namespace Gemma3Server.Engine.Tests.Text;

public sealed class StopStringMatcherTests
{
    [Fact]
    public void Append_NoStopStrings_ReleasesEverythingAtOnce()
    {
        var matcher = new StopStringMatcher([]);
        Assert.False(matcher.Append("hello"));
        Assert.Equal("hello", matcher.Releasable.ToString());
    }

    [Theory]
    [InlineData("one END two", new[] { "END" }, "one ", "END")]
    [InlineData("aab", new[] { "ab" }, "a", "ab")]
    [InlineData("ababac", new[] { "abac" }, "ab", "abac")]
    [InlineData("xabcd", new[] { "abcd", "bc" }, "xa", "bc")] // completed first
    [InlineData("xabc", new[] { "bc", "abc" }, "x", "abc")] // completed together: the longer began first
    [InlineData("stop", new[] { "stopping", "sto" }, "", "sto")]
    [InlineData("stoq", new[] { "stop", "stoop" }, "stoq", null)]
    [InlineData("sto", new[] { "stop", "stoop" }, "sto", null)]
    [InlineData("a😀😁b", new[] { "😁" }, "a😀", "😁")]
    public void Append_CutAnywhere_SameTextAndSameMatch(string text, string[] stops, string expected, string? match)
    {
        for (var size = 1; size <= text.Length; size++)
        {
            var (actual, matched) = Run(text, stops, _ => size);
            Assert.Equal(expected, actual);
            Assert.Equal(match, matched);
        }
    }

    [Fact]
    public void Append_HoldsBackTheLongestPossiblePrefixOnly()
    {
        var matcher = new StopStringMatcher(["abcabd", "cx"]);
        Assert.False(matcher.Append("zzabcab"));
        Assert.Equal("zz", matcher.Releasable.ToString());
        Assert.False(matcher.Append("c")); // "abcabc": now only "abc" may still be a beginning
        Assert.Equal("zzabc", matcher.Releasable.ToString());
        matcher.Take();
        Assert.Equal("", matcher.Releasable.ToString());
        Assert.False(matcher.Append("q"));
        Assert.Equal("abcq", matcher.Releasable.ToString());
    }

    [Fact]
    public void Append_StopStringBeginsInsideACharacter_NeverReleasesHalf()
    {
        var matcher = new StopStringMatcher(["\uDE00x"]);
        Assert.False(matcher.Append("a😀"));
        Assert.Equal("a", matcher.Releasable.ToString());
        Assert.False(matcher.Append("y"));
        Assert.Equal("a😀y", matcher.Releasable.ToString());
    }

    [Fact]
    public void Append_AfterTheMatch_Ignored()
    {
        var matcher = new StopStringMatcher(["!"]);
        Assert.True(matcher.Append("a!b"));
        Assert.True(matcher.Append("c"));
        Assert.Equal("a", matcher.Releasable.ToString());
    }

    [Fact]
    public void Append_RandomTextStopsAndCuts_EqualsSearchByHand()
    {
        var random = new Random(9);
        for (var round = 0; round < 5000; round++)
        {
            string Word(int least, int most) => new([.. Enumerable.Range(0, random.Next(least, most)).Select(_ => (char)('a' + random.Next(2)))]);
            string[] stops = [.. Enumerable.Range(0, random.Next(0, 4)).Select(_ => Word(1, 7))];
            var text = Word(0, 40);

            // By hand: the shortest beginning of the text that ends with a stop string, less the longest of those.
            string expected = text, longest = "";
            for (var end = 1; end <= text.Length && longest == ""; end++)
            {
                longest = stops.Where(s => text[..end].EndsWith(s, StringComparison.Ordinal)).MaxBy(s => s.Length) ?? "";
                if (longest != "") expected = text[..(end - longest.Length)];
            }

            var (actual, matched) = Run(text, stops, left => random.Next(1, left + 1));
            Assert.Equal(expected, actual);
            Assert.Equal(longest == "" ? null : longest, matched);
        }
    }

    private static (string Text, string? Match) Run(string text, string[] stops, Func<int, int> size)
    {
        var matcher = new StopStringMatcher(stops);
        var released = new StringBuilder();
        for (var at = 0; at < text.Length && matcher.Matched is null;)
        {
            var count = Math.Min(size(text.Length - at), text.Length - at);
            matcher.Append(text.AsSpan(at, count));
            at += count;
            released.Append(matcher.Releasable);
            matcher.Take();
        }

        if (matcher.Matched is null) matcher.End();
        released.Append(matcher.Releasable);
        return (released.ToString(), matcher.Matched);
    }
}
