namespace Gemma3Server.Engine.Speculation;

/// <summary>The tokens that are guessed to follow a sequence, and how such guesses of its have fared.</summary>
/// <remarks>
/// Belongs to a sequence; used by the engine loop alone. A draft lives for one step. One that is not run tells something all the same: the
/// token that comes is its first one or another.
/// </remarks>
internal sealed class Draft
{
    private int[] _tokens = [];
    private int _at;
    private bool _isOpen;

    /// <summary>The tokens, in order.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>Of these, how many are a guess; the others only fill the rows up to those of the neighbours.</summary>
    public int Guessed { get; private set; }

    /// <summary>Who guessed.</summary>
    public DraftSource Source { get; private set; }

    /// <summary>How many tokens before it agree with the place it is from.</summary>
    public int Match { get; private set; }

    /// <summary>What the next draft is looked up in; made when the first one is wanted.</summary>
    public Lookup? Lookup { get; set; }

    /// <summary>How this sequence's drafts have fared.</summary>
    public Acceptance Acceptance { get; } = new();

    /// <summary>Tokens of the client's prediction that held.</summary>
    public int AcceptedPredictions { get; private set; }

    /// <summary>Tokens of the client's prediction that were verified in vain.</summary>
    public int RejectedPredictions { get; private set; }

    /// <summary>Proposes nothing.</summary>
    public void Clear() => (Count, Guessed, Source, _isOpen) = (0, 0, DraftSource.None, false);

    /// <summary>Begins a draft of up to <paramref name="room"/> tokens.</summary>
    /// <param name="source">Who guesses.</param>
    /// <param name="match">For a lookup or a prediction: how many tokens before it agree.</param>
    /// <param name="room">Most tokens.</param>
    /// <param name="at">Tokens that the sequence has.</param>
    public void Begin(DraftSource source, int match, int room, int at)
    {
        (Count, Guessed, Source, Match, _at, _isOpen) = (0, 0, source, match, at, true);
        MakeRoom(room);
    }

    /// <summary>Guesses the next token.</summary>
    public void Add(int token)
    {
        _tokens[Count++] = token;
        Guessed = Count;
    }

    /// <summary>Makes the draft <paramref name="count"/> tokens long: cuts it, or fills it up with any token.</summary>
    public void Resize(int count, int filler)
    {
        MakeRoom(count);
        if (count > Count) _tokens.AsSpan(Count, count - Count).Fill(filler);
        Count = count;
        Guessed = Math.Min(Guessed, count);
    }

    /// <summary>Whether the first token of a draft that was not run turned out to be the right one; <see langword="null"/> where that is not to be told.</summary>
    public bool? Turned(ReadOnlySpan<int> tokens) => _isOpen && Guessed > 0 && tokens.Length > _at ? tokens[_at] == _tokens[0] : null;

    /// <summary>Learns that the first <paramref name="held"/> tokens of a draft that was run were the right ones.</summary>
    public void Verified(int held)
    {
        _isOpen = false;
        if (Source != DraftSource.Prediction) return;
        AcceptedPredictions += held;
        RejectedPredictions += Guessed - held;
    }

    private void MakeRoom(int tokens)
    {
        if (_tokens.Length < tokens) Array.Resize(ref _tokens, Math.Max(tokens, 2 * _tokens.Length));
    }
}
