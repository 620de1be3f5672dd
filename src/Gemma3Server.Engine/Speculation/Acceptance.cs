using System.Numerics;

namespace Gemma3Server.Engine.Speculation;

/// <summary>How probable it is that a drafted token holds, given that those before it did: measured, by the kind of guess, newer drafts counting more.</summary>
/// <remarks>
/// The kind matters more than the sequence at first: what agreed with an earlier place over sixteen tokens goes on like it, what agreed over three
/// may do so by chance. Each sequence has its own measure, whose prior is the measure over all of them.
/// </remarks>
internal sealed class Acceptance
{
    /// <summary>Kinds of lookups, and of predictions: matches of up to 3, 7, 15 and more tokens.</summary>
    private const int Lengths = 4;

    private const int Kinds = (2 * Lengths) + 1;

    /// <summary>How many tokens the prior weighs as much as.</summary>
    private const double PriorWeight = 4;

    /// <summary>Weight of a draft when the next one has come.</summary>
    private const double Kept = 0.9;

    private readonly double[] _held = new double[Kinds];
    private readonly double[] _failed = new double[Kinds];

    /// <summary>The kind of a guess.</summary>
    /// <param name="source">Who guessed.</param>
    /// <param name="match">For a lookup or a prediction: how many tokens before it agreed.</param>
    public static int KindOf(DraftSource source, int match)
    {
        var length = Math.Clamp(BitOperations.Log2((uint)Math.Max(1, match)) - 1, 0, Lengths - 1);
        return source switch
        {
            DraftSource.Lookup => length,
            DraftSource.Prediction => Lengths + length,
            _ => Kinds - 1,
        };
    }

    /// <summary>The probability, where it would be <paramref name="prior"/> without any measure.</summary>
    public double Rate(int kind, double prior) => ((PriorWeight * prior) + _held[kind]) / (PriorWeight + _held[kind] + _failed[kind]);

    /// <summary>Learns from a draft of which so many tokens held and, unless it held to its end, the next one did not.</summary>
    public void Observe(int kind, int held, bool failed)
    {
        _held[kind] = (Kept * _held[kind]) + held;
        _failed[kind] = (Kept * _failed[kind]) + (failed ? 1 : 0);
    }
}
