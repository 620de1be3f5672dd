using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Speculation;

/// <summary>Finds the drafts by which a step yields most tokens in its time.</summary>
/// <remarks>
/// <para>A step of n sequences that takes a seconds yields n tokens. Drafts yield those of their tokens that hold
/// (<see cref="DraftOffers"/>), and their rows take time (<see cref="SpeculationCost"/>). What pays at one stream may not at sixteen.</para>
/// <para>Where each sequence has its own cells there are two ways: as many rows for all, filled up with tokens of no hope, in one
/// pass; or those of some sequences in a pass of their own. Rows come in fours then, as CPU kernels take them: one row more than that may
/// cost what three others do.</para>
/// <para>Used by the engine loop alone.</para>
/// </remarks>
internal sealed class DraftChooser(DraftOffers offers, SpeculationCost cost, SpeculationCredit credit, bool ownCells, int capacity)
{
    /// <summary>Lengths that make fours together with the sequence's own row.</summary>
    private static readonly int[] Lengths = [1, 3, 7, 11, 15, 23, 31, 47, 63];

    private readonly double[] _gains = new double[capacity];
    private readonly int[] _order = new int[capacity];
    private DraftModel? _model;

    /// <summary>Entries by what is expected of a draft of the length that was looked at last, the best first.</summary>
    public ReadOnlySpan<int> Order => _order;

    /// <summary>The best way, whether it is better than none or not; length 0 where there is none or the credit does not cover what may be lost.</summary>
    /// <param name="plan">The step.</param>
    /// <param name="room">Draft rows that it may have.</param>
    /// <param name="model">The draft model, if there is one.</param>
    public DraftChoice Choose(StepPlan plan, int room, DraftModel? model)
    {
        _model = model;
        var best = default(DraftChoice);
        foreach (var length in Lengths)
        {
            if (length > offers.Longest) break;
            if (ownCells)
            {
                best = Better(best, Level(plan, length, room));
                if (plan.DecodeRows > 1 && length + 1 <= offers.Longest) best = BestOf(best, plan, length + 1, room);
            }
            else
            {
                best = BestOf(best, plan, length, room);
            }
        }

        return best;
    }

    /// <summary>Sorts the entries that can have a draft of a length, and tells how many these are.</summary>
    public int Sort(StepPlan plan, int length)
    {
        var count = 0;
        for (var e = 0; e < plan.Entries.Length; e++)
        {
            // With own cells all drafts of a pass are of one length.
            if (offers.Available(e) == 0 || (ownCells && offers.Available(e) < length)) continue;
            (_gains[count], _order[count++]) = (-offers.Gain(e, length), e);
        }

        _gains.AsSpan(0, count).Sort(_order.AsSpan(0, count));
        return count;
    }

    private static DraftChoice Better(DraftChoice one, DraftChoice other) => other.Rate > one.Rate ? other : one;

    /// <summary>As many rows for all.</summary>
    private DraftChoice Level(StepPlan plan, int length, int room)
    {
        var (gain, seconds, decoding) = (0.0, 0.0, plan.DecodeRows);
        if (decoding * length > room) return default;
        for (var e = 0; e < plan.Entries.Length; e++)
        {
            if (plan.Entries[e].Sequence.Pending != 1) continue;
            if (offers.Limit(e) < length) return default;
            gain += offers.Gain(e, length);
            seconds = Math.Max(seconds, ModelSeconds(e, length));
        }

        return Weigh(new(length, decoding, Level: true, Apart: false, 0, 0), decoding, decoding * length, gain, seconds);
    }

    /// <summary>The drafts of so many entries as pay best.</summary>
    private DraftChoice BestOf(DraftChoice best, StepPlan plan, int length, int room)
    {
        var (gain, seconds, rows) = (0.0, 0.0, 0);
        var count = Sort(plan, length);
        for (var i = 0; i < count; i++)
        {
            var e = _order[i];
            rows += Math.Min(length, offers.Available(e));
            if (rows > room) break;
            gain += offers.Gain(e, length);
            seconds = Math.Max(seconds, ModelSeconds(e, length));
            best = Better(best, Weigh(new(length, i + 1, Level: false, Apart: ownCells, 0, 0), plan.DecodeRows, rows, gain, seconds));
        }

        return best;
    }

    private double ModelSeconds(int entry, int length) => offers.ByModel(entry) ? _model!.Seconds(Math.Min(length, offers.Available(entry))) : 0;

    private DraftChoice Weigh(DraftChoice choice, int decoding, int rows, double gain, double seconds)
    {
        var plain = cost.Plain(decoding);
        var (expected, most) = cost.Extra(decoding, rows, choice.Apart);
        return credit.Covers(most > expected ? Loss(most) : 0)
            ? choice with { Rate = (decoding + gain) / (plain + seconds + expected), Loss = Loss(expected) }
            : default;

        double Loss(double extra) => ((seconds + extra) / plain) - (gain / decoding);
    }
}
