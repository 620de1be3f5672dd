using Gemma3Server.Engine.Speculation;

namespace Gemma3Server.Engine.Tests.Speculation;

public sealed class NgramIndexTests
{
    [Fact]
    public void Find_TwoPlaces_TheLongerAgreementWins()
    {
        int[] text = [9, 1, 2, 3, 50, 7, 1, 2, 3, 60, 9, 1, 2, 3];
        var index = new NgramIndex(2, 4);
        index.Update(text);
        Assert.Equal(4, index.Find(text, text, out var match));
        Assert.Equal(4, match);
    }

    [Fact]
    public void Find_EqualAgreement_TheNewerPlaceWins()
    {
        int[] text = [1, 2, 50, 1, 2, 60, 1, 2];
        var index = new NgramIndex(2, 4);
        index.Update(text);
        Assert.Equal(5, index.Find(text, text, out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Find_RandomText_IsAPlaceThatAgreesAsFarAsItSays(int gram)
    {
        var random = new Random(gram);
        var text = new List<int>();
        var index = new NgramIndex(gram, 3000);
        var found = 0;
        for (var i = 0; i < 3000; i++)
        {
            text.Add(random.Next(i / 500 % 2 == 0 ? 3 : 200));
            int[] tokens = [.. text];
            if (random.Next(3) == 0) continue; // adding several at once is the same
            index.Update(tokens);
            var place = index.Find(tokens, tokens, out var match);
            var last = Enumerable.Range(gram, Math.Max(0, tokens.Length - gram)).LastOrDefault(p => tokens.AsSpan((p - gram)..p).SequenceEqual(tokens.AsSpan(^gram..)));
            Assert.Equal(last > 0, place > 0);
            if (place == 0) continue;
            found++;
            Assert.InRange(match, gram, 32);
            Assert.Equal(tokens[^match..], tokens[(place - match)..place]);
        }

        Assert.True(found > 500);
    }

    [Fact]
    public void Find_TextShorterThanAGram_IsNone()
    {
        var index = new NgramIndex(3, 4);
        index.Update([1, 2]);
        Assert.Equal(0, index.Find([1, 2], [1, 2], out _));
    }
}
