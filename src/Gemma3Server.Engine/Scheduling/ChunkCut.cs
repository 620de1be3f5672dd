using Gemma3Server.Engine.Caching;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>Ends a prefill chunk early where the cache wants to stop: at the end of a system text or of a turn, or where others wait.</summary>
internal sealed class ChunkCut(KvCache cache, RuntimeLimits limits)
{
    /// <summary>
    /// Shortens a chunk of <paramref name="count"/> rows. For a checkpoint only as long as the prompt takes no more forward passes than
    /// without, of <paramref name="budget"/> rows each; for a sequence that waits, which saves more than a pass, in any case.
    /// </summary>
    public int Shorten(Sequence sequence, int count, int budget)
    {
        if (count <= 1) return count;
        var (at, must) = cache.WantedCut(sequence, sequence.Computed, sequence.Computed + count);
        if (at == 0) return count;
        var cut = at - sequence.Computed;
        return must || Passes(at, sequence.Count, budget) <= Passes(sequence.Computed + count, sequence.Count, budget) ? cut : count;
    }

    /// <summary>
    /// How many of the rows from <paramref name="start"/> to <paramref name="end"/> a chunk takes. Where the budget reaches a multiple of the
    /// micro batch it ends there, so that an unloaded server computes a prompt in the same chunks every time; after a cut it returns to
    /// the multiples where that costs no pass. A smaller budget stays in whole tiles.
    /// </summary>
    public static int Rows(int start, int end, int budget, RuntimeLimits limits)
    {
        var rest = end - start;
        if (rest <= budget) return rest;
        var microBatch = limits.MicroBatchTokens;
        var aligned = budget - ((start + budget) % microBatch);
        // A boundary that leaves most of the budget unused would cost a whole step for a few rows.
        if (aligned <= 0 || aligned * 2 < budget || (budget < microBatch && aligned % limits.PrefillTile > 0)) return budget;
        var whole = budget < microBatch ? budget : budget - (budget % microBatch);
        return aligned >= whole || 1 + Chunks(rest - aligned, whole) <= Chunks(rest, whole) ? aligned : whole;
    }

    private static int Chunks(int rows, int chunk) => (rows + chunk - 1) / chunk;

    // Counted, not divided: a cut off the multiples of the micro batch shortens the chunk after it too.
    private int Passes(int start, int end, int budget)
    {
        var passes = 0;
        for (; start < end; passes++) start += Rows(start, end, Math.Max(1, budget), limits);
        return passes;
    }
}
