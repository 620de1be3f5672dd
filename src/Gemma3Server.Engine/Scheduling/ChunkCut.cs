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
        return must || Passes(sequence.Pending - cut, budget) <= Passes(sequence.Pending - count, budget) ? cut : count;
    }

    private int Passes(int rows, int budget)
    {
        // Chunks end at multiples of the micro batch, so that this much of the budget is used.
        var chunk = budget < limits.MicroBatchTokens ? Math.Max(1, budget) : budget - (budget % limits.MicroBatchTokens);
        return (rows + chunk - 1) / chunk;
    }
}
