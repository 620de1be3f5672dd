namespace Gemma3Server.Runtime;

/// <summary>Turns text into token ids and token ids into bytes.</summary>
/// <remarks>
/// Thread-safe: it runs on request threads while the engine loop uses it too. A reader may make text of its last tokens after the runtime
/// was disposed, so <see cref="Piece"/> works then too.
/// </remarks>
public interface ITokenizer
{
    /// <summary>Number of token ids; valid ids are 0 to this minus 1.</summary>
    int VocabularySize { get; }

    /// <summary>The beginning-of-sequence token, which stands exactly once at the start of a prompt.</summary>
    int BeginOfSequence { get; }

    /// <summary>Tokens that end a generation: for Gemma 3 <c>&lt;eos&gt;</c> (1) and <c>&lt;end_of_turn&gt;</c> (106). Sorted ascending.</summary>
    IReadOnlyList<int> EndOfGeneration { get; }

    /// <summary>
    /// Most UTF-8 bytes of text that one ordinary token can stand for: a text of b bytes has at least b divided by this many tokens, so that
    /// a hopelessly long one can be refused before it is tokenized. At least 1.
    /// </summary>
    int LongestPiece { get; }

    /// <summary>
    /// Tokenizes plain text. Never adds a beginning-of-sequence token, and never yields a control token, whatever the text spells: a user who
    /// writes <c>&lt;end_of_turn&gt;</c> gets that text as ordinary tokens.
    /// </summary>
    int[] Tokenize(string text);

    /// <summary>The id of the control token spelled <paramref name="piece"/> (such as <c>&lt;start_of_turn&gt;</c>), if the vocabulary has it.</summary>
    bool TryGetControlToken(string piece, out int token);

    /// <summary>Whether a token is a control token, whose text is never shown to users.</summary>
    bool IsControl(int token);

    /// <summary>
    /// The UTF-8 bytes that a token stands for. They may be a part of a character only. Empty for control tokens and for ids out of range.
    /// </summary>
    ReadOnlyMemory<byte> Piece(int token);
}
