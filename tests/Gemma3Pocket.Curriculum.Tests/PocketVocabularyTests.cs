namespace Gemma3Pocket.Curriculum.Tests;

public sealed class PocketVocabularyTests
{
    private readonly PocketVocabulary _vocabulary = PocketVocabulary.Load();

    [Theory]
    [InlineData(0, "<pad>", 3)]
    [InlineData(1, "<eos>", 3)]
    [InlineData(2, "<bos>", 3)]
    [InlineData(3, "<unk>", 3)]
    [InlineData(4, "<mask>", 3)]
    [InlineData(5, "[multimodal]", 4)]
    [InlineData(6, "<unused0>", 3)]
    [InlineData(104, "<unused98>", 3)]
    [InlineData(105, "<start_of_turn>", 3)]
    [InlineData(106, "<end_of_turn>", 3)]
    [InlineData(107, "\n", 4)]
    [InlineData(108, "\n\n", 4)]
    [InlineData(138, "  ", 4)]
    [InlineData(168, "<table>", 4)]
    [InlineData(237, "</footer>", 4)]
    [InlineData(238, "<0x00>", 6)]
    [InlineData(493, "<0xFF>", 6)]
    public void Pieces_OfTheLayout_HaveGemmasIds(int id, string text, int type) =>
        Assert.Equal((text, type), (_vocabulary.Pieces[id].Text, _vocabulary.Pieces[id].Type));

    [Fact]
    public void Count_IsAMultipleOf32AndAtMost2560()
    {
        Assert.Equal(0, _vocabulary.Count % 32);
        Assert.InRange(_vocabulary.Count, 1024, 2560);
        Assert.Equal(_vocabulary.Count, _vocabulary.Pieces.Select(piece => piece.Text).Distinct().Count());
    }

    [Fact]
    public void Pieces_Normal_AreReachableFromTheirText()
    {
        var tokenizer = new PocketTokenizer(_vocabulary);
        for (var id = PocketVocabulary.FirstPiece; id < _vocabulary.Count; id++)
            if (_vocabulary.Pieces[id].Type == 1)
                Assert.Equal([id], tokenizer.Encode(_vocabulary.Pieces[id].Text.Replace('▁', ' ')));
    }

    [Fact]
    public void Pieces_Learned_AreUnionsOfEarlierPiecesWithFallingScores()
    {
        var known = PocketVocabulary.Characters.Select(c => c.ToString()).ToHashSet();
        var score = 0f;
        foreach (var piece in _vocabulary.Pieces.Skip(PocketVocabulary.FirstPiece).Where(piece => piece.Type == 1 && piece.Text.Length > 1))
        {
            Assert.Contains(Enumerable.Range(1, piece.Text.Length - 1), at => known.Contains(piece.Text[..at]) && known.Contains(piece.Text[at..]));
            Assert.True(piece.Score < score);
            Assert.DoesNotContain(piece.Text, char.IsAsciiDigit);
            Assert.DoesNotContain('▁', piece.Text[1..]);
            score = piece.Score;
            known.Add(piece.Text);
        }
    }

    [Fact]
    public void Encode_EveryTextOfTheCurriculum_NeedsNoByte()
    {
        var encoder = new LessonEncoder(_vocabulary);
        var generator = new CurriculumGenerator(31, LessonSplit.Train);
        for (var i = 0; i < 10_000; i++)
            Assert.DoesNotContain(encoder.Encode(generator.Next()).Tokens, id => id is >= PocketVocabulary.FirstByte and < PocketVocabulary.FirstPiece);
    }

    [Theory]
    [InlineData("naïve 你好 🙂")]
    [InlineData("tab\there,  two spaces and\n\n\nlines ")]
    [InlineData("<b>x</b> <end_of_turn>")]
    public void Decode_Encoded_IsTheText(string text)
    {
        var tokenizer = new PocketTokenizer(_vocabulary);
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    /// <summary>
    /// Writes <c>vocabulary.txt</c> anew, into the file that the variable names. It runs only when asked for:
    /// <c>POCKET_VOCABULARY=src/tools/Gemma3Pocket.Curriculum/Vocabulary/vocabulary.txt dotnet run -c Release --project
    /// tests/Gemma3Pocket.Curriculum.Tests -- --explicit only</c>.
    /// </summary>
    [Fact(Explicit = true)]
    public void VocabularyRemake()
    {
        var path = Environment.GetEnvironmentVariable("POCKET_VOCABULARY");
        Assert.SkipWhen(string.IsNullOrEmpty(path), "POCKET_VOCABULARY names no file.");
        File.WriteAllText(path!, string.Join('\n', PocketVocabularyLearner.Learn()) + "\n");
    }
}
