using System.Numerics;

namespace Gemma3Server.Engine.Speculation;

/// <summary>How probable it is that a guessed token holds, given that those before it did: measured token by token, newer ones counting more.</summary>
/// <remarks>
/// What counts is who guesses and how many tokens before the guess agreed with the place it is from: what agreed over sixteen tokens
/// goes on like it, what agreed over three may do so by chance, and in a text that is changed here and there each stretch ends somewhere. A longer match
/// is thought as good as a shorter one until it was measured. Each sequence has its own measure, whose prior is the measure over all of them.
/// </remarks>
internal sealed class Acceptance
{
    /// <summary>Matches of no token, of up to 2, 6, 14 and 30, and of more.</summary>
    private const int Lengths = 6;

    private const int Kinds = (2 * Lengths) + 1;

    /// <summary>
    /// What is thought of a guess before any was seen: of a text's nothing, since whether it holds is seen without trying; of a model's
    /// more, since somebody chose it.
    /// </summary>
    private const double TextAtFirst = 0.05;

    private const double ModelAtFirst = 0.6;

    /// <summary>How many tokens a prior weighs as much as: that of all sequences, and that of a sequence.</summary>
    private const double Weight = 1;

    private const double OwnWeight = 2;

    /// <summary>Weight of a token when the next one of its kind has come.</summary>
    private const double Kept = 0.97;

    private readonly double[] _held = new double[Kinds];
    private readonly double[] _failed = new double[Kinds];

    /// <summary>The probability over all sequences.</summary>
    /// <param name="source">Who guesses.</param>
    /// <param name="match">Tokens before it that agree, those of its own draft among them.</param>
    public double Rate(DraftSource source, int match)
    {
        var kind = KindOf(source, match);
        var rate = source == DraftSource.Model ? ModelAtFirst : TextAtFirst;
        for (var k = source == DraftSource.Model ? kind : kind - (kind % Lengths); k <= kind; k++) rate = Rate(k, rate, Weight);
        return rate;
    }

    /// <summary>The probability in this sequence, where <paramref name="all"/> is the measure over all.</summary>
    public double Rate(DraftSource source, int match, Acceptance all) => Rate(KindOf(source, match), all.Rate(source, match), OwnWeight);

    /// <summary>Learns from a draft of which so many tokens held and, where it did not hold to its end, the next one did not.</summary>
    public void Observe(Draft draft, int held)
    {
        for (var i = 0; i < held; i++) Observe(KindOf(draft.Source, draft.Match + i), holds: true);
        if (held < draft.Guessed) Observe(KindOf(draft.Source, draft.Match + held), holds: false);
    }

    /// <summary>Learns whether the first token of a draft was the right one.</summary>
    public void ObserveFirst(Draft draft, bool holds) => Observe(KindOf(draft.Source, draft.Match), holds);

    private static int KindOf(DraftSource source, int match)
    {
        var length = Math.Min(BitOperations.Log2((uint)match + 1), Lengths - 1);
        return source switch
        {
            DraftSource.Lookup => length,
            DraftSource.Prediction => Lengths + length,
            _ => Kinds - 1,
        };
    }

    private double Rate(int kind, double prior, double weight) => ((weight * prior) + _held[kind]) / (weight + _held[kind] + _failed[kind]);

    private void Observe(int kind, bool holds)
    {
        _held[kind] = (Kept * _held[kind]) + (holds ? 1 : 0);
        _failed[kind] = (Kept * _failed[kind]) + (holds ? 0 : 1);
    }
}
