using System.Globalization;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>
/// A vocabulary in Gemma 3's layout. The special regions are Gemma's; the ordinary pieces are made up: English words first, then
/// word-like syllables until the vocabulary is full, so that English text takes a usual number of tokens.
/// </summary>
/// <remarks>It depends on the size alone, never on a seed: two checkpoints of one shape tokenize alike.</remarks>
internal sealed class SyntheticVocabulary
{
    private const float AddedTokenScore = -1000;

    private static readonly string[] Tags =
    [
        "table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td",
        "/table", "/caption", "/thead", "/tbody", "/tfoot", "/tr", "/th", "/td",
        "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "/h1", "/h2", "/h3", "/h4", "/h5", "/h6", "/blockquote",
        "strong", "em", "b", "i", "u", "s", "sub", "sup", "code",
        "/strong", "/em", "/b", "/i", "/u", "/s", "/sub", "/sup", "/code",
        "a", "html", "body", "img", "span", "bbox", "ul", "li", "div", "iframe", "footer",
        "/a", "/html", "/body", "/img", "/span", "/bbox", "/ul", "/li", "/div", "/iframe", "/footer",
    ];

    private readonly string[] _tokens;
    private readonly float[] _scores;
    private readonly int[] _types;

    private SyntheticVocabulary(VocabularyLayout layout)
    {
        Layout = layout;
        _tokens = new string[layout.Size];
        _scores = new float[layout.Size];
        _types = new int[layout.Size];
    }

    public VocabularyLayout Layout { get; }

    public IReadOnlyCollection<string> Tokens => _tokens;

    public ReadOnlySpan<float> Scores => _scores;

    public ReadOnlySpan<int> Types => _types;

    public static SyntheticVocabulary Create(int size)
    {
        var vocabulary = new SyntheticVocabulary(VocabularyLayout.Of(size));
        vocabulary.SetSpecialTokens();
        vocabulary.SetPieces();
        return vocabulary;
    }

    private void SetSpecialTokens()
    {
        Set(VocabularyLayout.Pad, "<pad>", TokenType.Control);
        Set(VocabularyLayout.EndOfSequence, "<eos>", TokenType.Control);
        Set(VocabularyLayout.BeginOfSequence, "<bos>", TokenType.Control);
        Set(VocabularyLayout.Unknown, "<unk>", TokenType.Control);
        Set(VocabularyLayout.Mask, "<mask>", TokenType.Control);
        Set(VocabularyLayout.Multimodal, "[multimodal]", TokenType.UserDefined);
        Set(VocabularyLayout.StartOfTurn, "<start_of_turn>", TokenType.Control);
        Set(VocabularyLayout.EndOfTurn, "<end_of_turn>", TokenType.Control);
        Set(Layout.StartOfImage, "<start_of_image>", TokenType.Control);
        Set(Layout.EndOfImage, "<end_of_image>", TokenType.Control);

        var unused = 0;
        for (var id = VocabularyLayout.FirstUnused; id < VocabularyLayout.StartOfTurn; id++)
            SetUnused(id, unused++);
        for (var id = Layout.FirstLateUnused; id < Layout.Size; id++)
            SetUnused(id, unused++);

        for (var length = 1; length <= VocabularyLayout.LongestRun; length++)
        {
            Set(VocabularyLayout.FirstNewlines + length - 1, new string('\n', length), TokenType.UserDefined);
            Set(Layout.FirstTabs + length - 1, new string('\t', length), TokenType.UserDefined);
            // A single space is an ordinary piece. Runs are matched before the text is escaped, hence spaces and not ▁.
            if (length > 1)
                Set(VocabularyLayout.FirstSpaces + length - 2, new string(' ', length), TokenType.UserDefined);
        }
        for (var i = 0; i < Tags.Length; i++)
            Set(VocabularyLayout.FirstTag + i, $"<{Tags[i]}>", TokenType.UserDefined);
        for (var value = 0; value < 256; value++)
            Set(VocabularyLayout.FirstByte + value, string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), TokenType.Byte, 0);
    }

    private void SetPieces()
    {
        var learner = new PieceLearner(Layout.FirstCharacter - VocabularyLayout.FirstPiece);
        EnglishPieces.Teach(learner);
        SyllablePieces.Fill(learner);
        var id = VocabularyLayout.FirstPiece;
        foreach (var piece in learner.Pieces)
            Set(id++, piece, TokenType.Normal, VocabularyLayout.FirstPiece - id + 1);
        foreach (var rune in CharacterPieces.MostCommonFirst().Take(Layout.FirstTabs - Layout.FirstCharacter))
            Set(id++, rune.ToString(), TokenType.Normal, VocabularyLayout.FirstPiece - id + 1);
        if (id != Layout.FirstTabs)
            throw new InvalidOperationException($"The pieces end at id {id} and not at {Layout.FirstTabs}.");
    }

    private void SetUnused(int id, int number) =>
        Set(id, string.Create(CultureInfo.InvariantCulture, $"<unused{number}>"), TokenType.Control);

    private void Set(int id, string text, TokenType type, float score = AddedTokenScore)
    {
        _tokens[id] = text;
        _types[id] = (int)type;
        _scores[id] = score;
    }
}
