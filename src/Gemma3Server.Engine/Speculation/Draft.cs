namespace Gemma3Server.Engine.Speculation;

/// <summary>The tokens that are guessed to follow a sequence, and how such guesses of its have fared.</summary>
/// <remarks>Belongs to a sequence; used by the engine loop alone. A draft lives for one step.</remarks>
internal sealed class Draft
{
    private int[] _tokens = [];

    /// <summary>The tokens, in order.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);

    public int Count { get; private set; }

    /// <summary>Of these, how many are a guess; the others only fill the rows up to those of the neighbours.</summary>
    public int Guessed { get; private set; }

    /// <summary>Who guessed.</summary>
    public DraftSource Source { get; private set; }

    /// <summary>What kind of guess it is; see <see cref="Acceptance"/>.</summary>
    public int Kind { get; private set; }

    /// <summary>What the next draft is looked up in; made when the first one is wanted.</summary>
    public Lookup? Lookup { get; set; }

    /// <summary>How this sequence's drafts have fared.</summary>
    public Acceptance Acceptance { get; } = new();

    /// <summary>Tokens of the client's prediction that held.</summary>
    public int AcceptedPredictions { get; private set; }

    /// <summary>Tokens of the client's prediction that were verified in vain.</summary>
    public int RejectedPredictions { get; private set; }

    /// <summary>Proposes nothing.</summary>
    public void Clear() => (Count, Guessed, Source) = (0, 0, DraftSource.None);

    /// <summary>Begins a draft of up to <paramref name="room"/> tokens.</summary>
    public void Begin(DraftSource source, int kind, int room)
    {
        (Count, Guessed, Source, Kind) = (0, 0, source, kind);
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

    /// <summary>Learns that the first <paramref name="held"/> tokens were the right ones.</summary>
    public void Verified(int held)
    {
        if (Guessed == 0) return;
        held = Math.Min(held, Guessed);
        Acceptance.Observe(Kind, held, held < Guessed);
        if (Source != DraftSource.Prediction) return;
        AcceptedPredictions += held;
        RejectedPredictions += Guessed - held;
    }

    private void MakeRoom(int tokens)
    {
        if (_tokens.Length < tokens) Array.Resize(ref _tokens, Math.Max(tokens, 2 * _tokens.Length));
    }
}
