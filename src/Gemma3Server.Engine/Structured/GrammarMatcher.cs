using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured;

/// <summary>Where one sequence stands in its grammar.</summary>
/// <remarks>
/// All there is to it is <see cref="State"/>, an immutable object: keep it and set it again to take tokens back; replay the tokens to have
/// it again in another process. Used by one thread at a time.
/// </remarks>
internal sealed class GrammarMatcher(Grammar grammar, bool endsCount = true)
{
    private GrammarState _state = grammar.Start;
    private int[] _run = [];
    private int _next;

    /// <summary>The grammar.</summary>
    public Grammar Grammar => grammar;

    /// <summary>The state behind all tokens that were accepted.</summary>
    public GrammarState State
    {
        get => _state;
        set => (_state, _next) = (value, _run.Length);
    }

    /// <summary>Whether the tokens that end a text are allowed here: exactly when the grammar's text may end, if they count as ends at all.</summary>
    public bool MayEnd => endsCount && State.Accepts;

    /// <summary>Whether nothing but the end may follow.</summary>
    public bool IsComplete => State.IsComplete;

    /// <summary>Tokens that end a text.</summary>
    public ReadOnlySpan<int> Ends => grammar.Vocabulary.Ends;

    /// <summary>The tokens with text that may follow, if they are known already; which they are costs nothing to ask.</summary>
    public TokenMask? KnownMask => Grammar.KnownMask(State);

    /// <summary>
    /// Tokens that must follow, whatever the model says; empty when there is a choice. Asked again behind some of them, the rest: not what would
    /// be made of the rest of the text, which may be other tokens.
    /// </summary>
    public ReadOnlySpan<int> Forced
    {
        get
        {
            if (_next == _run.Length) (_run, _next) = (grammar.Forced(_state), 0);
            return _run.AsSpan(_next);
        }
    }

    /// <summary>The tokens with text that may follow.</summary>
    public TokenMask Mask() => grammar.Mask(State);

    /// <summary>Whether a token ends a text and may do so here.</summary>
    public bool AllowsEnd(int token) => MayEnd && Ends.Contains(token);

    /// <summary>Whether a token may follow.</summary>
    public bool Allows(int token)
    {
        var piece = grammar.Vocabulary.Piece(token).Span;
        if (piece.IsEmpty) return AllowsEnd(token);
        return !Grammar.Step(_state, piece).IsDead;
    }

    /// <summary>Goes on behind a token; false, and nothing changes, when it may not follow.</summary>
    public bool TryAccept(int token)
    {
        var piece = grammar.Vocabulary.Piece(token).Span;
        if (piece.IsEmpty) return AllowsEnd(token);
        var next = Grammar.Step(_state, piece);
        if (next.IsDead) return false;
        _state = next;
        _next = _next < _run.Length && _run[_next] == token ? _next + 1 : _run.Length;
        return true;
    }
}
