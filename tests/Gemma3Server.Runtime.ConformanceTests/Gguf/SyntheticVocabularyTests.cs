using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class SyntheticVocabularyTests
{
    private const string English =
        "A scheduler decides in every step which requests run. Long prompts are cut into pieces, so that the answers which are already "
        + "running go on without a pause. When memory is short, the youngest request waits and is computed again later.";

    private static readonly SyntheticVocabulary Published = SyntheticVocabulary.Create(VocabularyLayout.Published);

    [Theory]
    [InlineData(0, "<pad>", TokenType.Control)]
    [InlineData(1, "<eos>", TokenType.Control)]
    [InlineData(2, "<bos>", TokenType.Control)]
    [InlineData(3, "<unk>", TokenType.Control)]
    [InlineData(4, "<mask>", TokenType.Control)]
    [InlineData(5, "[multimodal]", TokenType.UserDefined)]
    [InlineData(6, "<unused0>", TokenType.Control)]
    [InlineData(104, "<unused98>", TokenType.Control)]
    [InlineData(105, "<start_of_turn>", TokenType.Control)]
    [InlineData(106, "<end_of_turn>", TokenType.Control)]
    [InlineData(107, "\n", TokenType.UserDefined)]
    [InlineData(138, "  ", TokenType.UserDefined)]
    [InlineData(168, "<table>", TokenType.UserDefined)]
    [InlineData(212, "</s>", TokenType.UserDefined)]
    [InlineData(237, "</footer>", TokenType.UserDefined)]
    [InlineData(238, "<0x00>", TokenType.Byte)]
    [InlineData(248, "<0x0A>", TokenType.Byte)]
    [InlineData(493, "<0xFF>", TokenType.Byte)]
    [InlineData(236_743, "▁", TokenType.Normal)]
    [InlineData(255_968, "\t", TokenType.UserDefined)]
    [InlineData(255_999, "<start_of_image>", TokenType.Control)]
    [InlineData(256_000, "<end_of_image>", TokenType.Control)]
    [InlineData(256_001, "<unused99>", TokenType.Control)]
    [InlineData(262_143, "<unused6241>", TokenType.Control)]
    public void Create_PublishedSize_HasGemmasSpecialTokensAtTheirIds(int id, string text, object type)
    {
        Assert.Equal(text, Published.Tokens.ElementAt(id));
        Assert.Equal((int)(TokenType)type, Published.Types[id]);
    }

    [Fact]
    public void Create_AnySize_HasNoEmptyAndNoRepeatedToken()
    {
        foreach (var size in new[] { 2048, 4096, VocabularyLayout.Published })
        {
            var vocabulary = SyntheticVocabulary.Create(size);
            Assert.Equal(size, vocabulary.Tokens.Count);
            Assert.Equal(size, vocabulary.Tokens.ToHashSet(StringComparer.Ordinal).Count);
            Assert.DoesNotContain(vocabulary.Tokens, string.IsNullOrEmpty);
        }
    }

    [Fact]
    public void Create_TooSmall_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => SyntheticVocabulary.Create(1024));

    [Theory]
    [InlineData(2048, 1)]
    [InlineData(VocabularyLayout.Published, 97)]
    public void Tokenize_EveryOrdinaryPiece_IsOneToken(int size, int step)
    {
        var tokenizer = Tokenizer(size);
        var layout = VocabularyLayout.Of(size);

        for (var id = VocabularyLayout.FirstPiece; id < layout.FirstTabs; id += step)
            Assert.Equal([id], tokenizer.Tokenize(tokenizer.Tokens[id]));
    }

    [Theory]
    [InlineData(2048, 2.2)]
    [InlineData(VocabularyLayout.Published, 3.0)]
    public void Tokenize_English_TakesAUsualNumberOfTokensAndRoundTrips(int size, double leastBytes)
    {
        var tokenizer = Tokenizer(size);

        var tokens = tokenizer.Tokenize(English);

        Assert.Equal(English, tokenizer.Detokenize(tokens));
        Assert.InRange((double)Encoding.UTF8.GetByteCount(English) / tokens.Count, leastBytes, 5.0);
    }

    [Fact]
    public void Tokenize_AnyScript_RoundTrips()
    {
        const string Text = "Grüße, Привет, 你好, नमस्ते, سلام, 😀👩‍👩‍👧 \u0001\u200D x=1;";
        foreach (var size in new[] { 2048, VocabularyLayout.Published })
        {
            var tokenizer = Tokenizer(size);
            Assert.Equal(Text, tokenizer.Detokenize(tokenizer.Tokenize(Text)));
        }
    }

    private static SpmTokenizer Tokenizer(int size)
    {
        var vocabulary = size == VocabularyLayout.Published ? Published : SyntheticVocabulary.Create(size);
        using var stream = new MemoryStream();
        var writer = new GgufWriter(stream);
        writer.Add("tokenizer.ggml.tokens", vocabulary.Tokens);
        writer.Add("tokenizer.ggml.scores", vocabulary.Scores);
        writer.Complete();
        return new SpmTokenizer(GgufBytes.Open(stream.ToArray()));
    }
}
