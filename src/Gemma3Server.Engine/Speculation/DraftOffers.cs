namespace Gemma3Server.Engine.Speculation;

/// <summary>What could be drafted in a step: for each of its entries how many tokens, and how many of them are expected to hold. Used by the engine loop alone.</summary>
internal sealed class DraftOffers(int capacity, int longest)
{
    private readonly int[] _limit = new int[capacity];
    private readonly int[] _available = new int[capacity];
    private readonly bool[] _byModel = new bool[capacity];
    private readonly double[] _gains = new double[capacity * (longest + 1)];

    /// <summary>Most tokens of a draft.</summary>
    public int Longest => longest;

    /// <summary>An entry gets no draft: it may have at most so many rows more.</summary>
    public void Clear(int entry, int limit = 0) => (_limit[entry], _available[entry], _byModel[entry]) = (limit, 0, false);

    /// <summary>An entry may get a draft.</summary>
    /// <param name="entry">Which.</param>
    /// <param name="available">Tokens.</param>
    /// <param name="source">Who guesses.</param>
    /// <param name="match">Tokens before it that agree.</param>
    /// <param name="draft">How the sequence's drafts have fared.</param>
    /// <param name="all">How those of all have fared.</param>
    public void Offer(int entry, int available, DraftSource source, int match, Draft draft, Acceptance all)
    {
        (_available[entry], _byModel[entry]) = (available, source == DraftSource.Model);
        var gains = _gains.AsSpan(entry * (longest + 1), longest + 1);
        var (gain, together) = (0.0, 1.0);
        gains[0] = 0;
        for (var i = 0; i < available; i++)
        {
            together *= draft.Acceptance.Rate(source, match + i, all);
            gains[i + 1] = gain += together;
        }
    }

    /// <summary>Rows that an entry may have beside its own, guessed or not.</summary>
    public int Limit(int entry) => _limit[entry];

    /// <summary>Tokens that can be guessed for it.</summary>
    public int Available(int entry) => _available[entry];

    /// <summary>Whether the draft model would have to guess them.</summary>
    public bool ByModel(int entry) => _byModel[entry];

    /// <summary>How many of its first tokens are expected to hold.</summary>
    public double Gain(int entry, int tokens) => _gains[(entry * (longest + 1)) + Math.Min(tokens, _available[entry])];
}
