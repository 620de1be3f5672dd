using System.Text;
using Gemma3Server.Engine.Text;

namespace Gemma3Server.Engine.Tests.Text;

public sealed class DetokenizerTests
{
    [Fact]
    public void Append_ByteByByte_YieldsWholeCharactersOnly()
    {
        const string text = "aé€😀 न\u0301end";
        var detokenizer = new Detokenizer();
        var whole = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            var part = detokenizer.Append([b]).ToString();
            Assert.False(part.Length > 0 && char.IsHighSurrogate(part[^1]));
            Assert.DoesNotContain('\uFFFD', part);
            whole.Append(part);
        }

        whole.Append(detokenizer.Flush());
        Assert.Equal(text, whole.ToString());
    }

    [Fact]
    public void Append_AnyBytesCutAnywhere_EqualsDecodingAtOnce()
    {
        var random = new Random(8);
        for (var round = 0; round < 500; round++)
        {
            var bytes = new byte[random.Next(1, 300)];
            random.NextBytes(bytes);
            if (round % 2 == 0) bytes = Encoding.UTF8.GetBytes(new string([.. bytes.Select(b => (char)(b * 200))]));
            var detokenizer = new Detokenizer();
            var whole = new StringBuilder();
            for (var at = 0; at < bytes.Length;)
            {
                var count = Math.Min(random.Next(0, 120), bytes.Length - at);
                whole.Append(detokenizer.Append(bytes.AsSpan(at, count)));
                at += count;
            }

            whole.Append(detokenizer.Flush());
            Assert.Equal(Encoding.UTF8.GetString(bytes), whole.ToString());
        }
    }

    [Fact]
    public void Flush_IncompleteCharacter_ReplacementOnce()
    {
        var detokenizer = new Detokenizer();
        Assert.Equal("x", detokenizer.Append([(byte)'x', 0xF0, 0x9F, 0x98]).ToString());
        Assert.Equal("\uFFFD", detokenizer.Flush().ToString());
        Assert.Equal("", detokenizer.Flush().ToString());
    }
}
