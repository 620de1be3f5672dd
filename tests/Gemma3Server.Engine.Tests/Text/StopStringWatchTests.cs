using System.Text;
using Gemma3Server.Engine.Text;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Text;

/// <summary>One byte is one token here; whole generations are in <see cref="StopStringScenarioTests"/>.</summary>
public sealed class StopStringWatchTests
{
    [Fact]
    public void Append_NothingBegins_LooksAtNothing()
    {
        var watch = Watch("\n\nUser:", "é!");
        Assert.False(Append(watch, "a"));
        Assert.False(watch.IsNear);
        Assert.False(Append(watch, "ordinary text, 日本 and 😀"));
        Assert.False(watch.IsNear);
    }

    [Fact]
    public void Append_OneMayHaveBegun_LooksUntilItHasNot()
    {
        var watch = Watch("\n\nUser:", "é!");
        Append(watch, "a\n");
        Assert.True(watch.IsNear);
        Append(watch, "b");
        Assert.False(watch.IsNear);
        Append(watch, "\n\nUse");
        Assert.True(watch.IsNear);
        Append(watch, "d");
        Assert.False(watch.IsNear);
    }

    [Theory]
    [InlineData("é!", "è")]
    [InlineData("日!", "旦")] // both begin like the stop string's first character
    [InlineData("😀!", "😃")]
    public void Append_InsideACharacter_LooksUntilItIsWhole(string stop, string other)
    {
        var watch = Watch(stop);
        Append(watch, "a");
        var bytes = Encoding.UTF8.GetBytes(other);
        foreach (var value in bytes[..^1])
        {
            Assert.False(watch.Append(FakeTokenizer.FirstByte + value, mayStop: true));
            Assert.True(watch.IsNear);
        }

        Assert.False(watch.Append(FakeTokenizer.FirstByte + bytes[^1], mayStop: true));
        Append(watch, "b");
        Assert.False(watch.IsNear);
        Assert.True(Append(watch, stop));
    }

    [Theory]
    [InlineData("\uFFFD!")]
    [InlineData("\uDE00!")]
    [InlineData("\uD83D")]
    public void Append_StopStringBeginsWithNoCharacter_LooksAtAll(string stop)
    {
        var watch = Watch("x", stop);
        Append(watch, "a");
        Assert.True(watch.IsNear);
    }

    [Fact]
    public void Append_BeforeItMayStop_FindsNothingThatBeganThere()
    {
        var watch = Watch("ab");
        Assert.False(watch.Append(FakeTokenizer.FirstByte + 'a', mayStop: false));
        Assert.False(Append(watch, "ba"));
        Assert.True(Append(watch, "b"));
    }

    private static StopStringWatch Watch(params string[] stops) => new(stops, new FakeTokenizer());

    /// <summary>Whether the last token of a text completed a stop string, and no other did.</summary>
    private static bool Append(StopStringWatch watch, string text)
    {
        var met = false;
        foreach (var value in Encoding.UTF8.GetBytes(text))
        {
            Assert.False(met);
            met = watch.Append(FakeTokenizer.FirstByte + value, mayStop: true);
        }

        return met;
    }
}
