using System.Diagnostics.CodeAnalysis;
using System.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Chat;

/// <summary>
/// Gemma 3's chat template: a conversation as prompt tokens, ready for the model's answer. Control tokens go in by their ids and all text
/// is plain, so no text of a user becomes a control token.
/// </summary>
/// <remarks>
/// What stands between two control tokens is tokenized as one piece (<c>user\n</c> and the content together), because that is how the
/// reference splits it: pieces merge across the line break. Thread-safe.
/// </remarks>
internal sealed class ChatTemplate
{
    private const string StartOfTurn = "<start_of_turn>";
    private const string EndOfTurn = "<end_of_turn>";
    private const string AnswerHeader = ChatTurn.Model + "\n";

    private readonly ITokenizer _tokenizer;
    private readonly int _startOfTurn;
    private readonly int _endOfTurn;
    private readonly int[] _betweenTurns;
    private readonly int[] _answerHeader;

    private ChatTemplate(ITokenizer tokenizer, int startOfTurn, int endOfTurn)
    {
        _tokenizer = tokenizer;
        _startOfTurn = startOfTurn;
        _endOfTurn = endOfTurn;
        _betweenTurns = tokenizer.Tokenize("\n");
        _answerHeader = tokenizer.Tokenize(AnswerHeader);
    }

    /// <summary>Binds the template to a vocabulary; false when that lacks Gemma's turn tokens.</summary>
    public static bool TryCreate(ITokenizer tokenizer, [NotNullWhen(true)] out ChatTemplate? template)
    {
        template = tokenizer.TryGetControlToken(StartOfTurn, out var start) && tokenizer.TryGetControlToken(EndOfTurn, out var end)
            ? new ChatTemplate(tokenizer, start, end)
            : null;
        return template is not null;
    }

    /// <summary>
    /// A lower bound of the number of tokens, known without tokenizing: no token stands for more bytes than the longest piece, and none
    /// reaches over a control token.
    /// </summary>
    public long LeastTokens(Conversation conversation)
    {
        var least = 1L + (conversation.Ending == PromptEnding.Answer ? 1 + _answerHeader.Length : 0);
        foreach (var turn in conversation.Turns)
        {
            var bytes = (long)Encoding.UTF8.GetByteCount(turn.Role) + 1 + Encoding.UTF8.GetByteCount(turn.Text);
            least += 2 + _betweenTurns.Length + (bytes + _tokenizer.LongestPiece - 1) / _tokenizer.LongestPiece;
        }

        return conversation.Ending == PromptEnding.Continuation ? least - 1 - _betweenTurns.Length : least;
    }

    /// <summary>The prompt's tokens, with the one beginning-of-sequence token. Cancelled between two turns.</summary>
    public int[] Tokenize(Conversation conversation, CancellationToken cancellationToken = default) =>
        Tokenize(conversation, [], cancellationToken);

    /// <summary>
    /// The same, and adds to <paramref name="boundaries"/> how many tokens long the prompt is at the end of the system text and of each turn: there
    /// other prompts may part from this one.
    /// </summary>
    public int[] Tokenize(Conversation conversation, List<int> boundaries, CancellationToken cancellationToken)
    {
        var tokens = new List<int> { _tokenizer.BeginOfSequence };
        foreach (var turn in conversation.Turns)
        {
            cancellationToken.ThrowIfCancellationRequested();
            tokens.Add(_startOfTurn);
            var text = _tokenizer.Tokenize(turn.Role + "\n" + turn.Text);
            if (boundaries.Count == 0 && conversation.SystemLength > 0)
            {
                // The last pieces of the system text may have merged with what follows it.
                var system = _tokenizer.Tokenize(turn.Role + "\n" + turn.Text[..conversation.SystemLength]);
                boundaries.Add(tokens.Count + text.AsSpan().CommonPrefixLength(system));
            }

            tokens.AddRange(text);
            if (conversation.Ending == PromptEnding.Continuation && turn == conversation.Turns[^1]) return [.. tokens];
            tokens.Add(_endOfTurn);
            tokens.AddRange(_betweenTurns);
            boundaries.Add(tokens.Count);
        }

        if (conversation.Ending == PromptEnding.Closed) return [.. tokens];
        tokens.Add(_startOfTurn);
        tokens.AddRange(_answerHeader);
        return [.. tokens];
    }

    /// <summary>The tokens that an answer of this text has: what is left of it after the header that the prompt ends with.</summary>
    public int[] TokenizeAnswer(string text)
    {
        var tokens = _tokenizer.Tokenize(AnswerHeader + text);
        return tokens[tokens.AsSpan().CommonPrefixLength(_answerHeader)..];
    }

    /// <summary>
    /// A transcript's tokens, from the beginning-of-sequence token to the last end of turn, and which of them a model says: the text of its
    /// turns with the end-of-turn token, but not the header before it nor the line break after it, which the template supplies.
    /// </summary>
    public (int[] Tokens, bool[] IsAnswer) Tokenize(Transcript transcript)
    {
        var tokens = new List<int> { _tokenizer.BeginOfSequence };
        var isAnswer = new List<bool> { false };
        foreach (var turn in transcript.Turns)
        {
            if (tokens.Count > 1) Add(_betweenTurns, 0, false);
            Add([_startOfTurn], 0, false);
            var text = _tokenizer.Tokenize(turn.Role + "\n" + turn.Text);

            // The line break of a header may have merged with the text: what is not the header is the text's.
            Add(text, text.AsSpan().CommonPrefixLength(_answerHeader), turn.Role == ChatTurn.Model);
            Add([_endOfTurn], 0, turn.Role == ChatTurn.Model);
        }

        return ([.. tokens], [.. isAnswer]);

        void Add(int[] part, int header, bool answer)
        {
            tokens.AddRange(part);
            for (var i = 0; i < part.Length; i++) isAnswer.Add(answer && i >= header);
        }
    }

    /// <summary>The prompt as the published template writes it; for logs and tests, never tokenized.</summary>
    public static string Render(Conversation conversation)
    {
        var text = new StringBuilder("<bos>");
        foreach (var turn in conversation.Turns)
            text.Append(StartOfTurn).Append(turn.Role).Append('\n').Append(turn.Text).Append(EndOfTurn).Append('\n');
        if (conversation.Ending == PromptEnding.Answer) text.Append(StartOfTurn).Append(AnswerHeader);
        if (conversation.Ending == PromptEnding.Continuation) text.Length -= EndOfTurn.Length + 1;
        return text.ToString();
    }
}
