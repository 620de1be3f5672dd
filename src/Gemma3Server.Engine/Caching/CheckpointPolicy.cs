using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>Where checkpoints of the sliding-window layers are wanted, which of them pay, and where a prefill has to stop for others.</summary>
internal sealed class CheckpointPolicy(PrefixSearch search, RuntimeLimits limits, int window, EngineOptions options)
{
    /// <summary>Notes where the request, and the places where others parted, make a checkpoint useful; the prompt's end is one of them.</summary>
    public void Want(CacheEntry entry, Sequence sequence)
    {
        if (window == 0 || options.CheckpointBytes == 0) return;
        var (after, end) = (Math.Max(sequence.Computed, PrefixSearch.MinimumReuse - 1), sequence.PromptLength);
        // Right before the prompt's end there is no point in one: the end is reached for nothing.
        var last = end - PrefixSearch.MinimumReuse;
        foreach (var boundary in sequence.Request.CacheBoundaries)
        {
            if (boundary > after && boundary <= last) entry.Want(boundary);
        }

        PrefixCache.WantBranches(entry, after, last);
        if (end > after) entry.Want(end);
    }

    /// <summary>
    /// Whether a checkpoint pays: not where the sequence must stay so short that a rewind undoes what comes after, nor just behind another.
    /// </summary>
    public bool Pays(CacheEntry entry, Sequence sequence, int length) =>
        search.IsLostBehind(length, sequence.Count + sequence.Remaining)
        && length - PrefixCache.LengthOfCheckpointBefore(entry, length) >= PrefixSearch.MinimumReuse;

    /// <summary>Where the rows of a sequence shall end for others' sake, if that is after <paramref name="start"/> and before <paramref name="end"/>.</summary>
    /// <returns>
    /// The length to stop at, 0 = none. It must be stopped at where somebody waits for it and could not have it from beyond; else only where
    /// that costs no forward pass.
    /// </returns>
    public (int At, bool Must) Cut(CacheEntry entry, int start, int end)
    {
        if (window == 0 || (entry.NextBoundary >= end && entry.Awaited >= end)) return default;

        // From beyond, own cells yield a shorter prefix once only: that fork costs the source its window. Shared cells yield it until it is lost.
        var lost = end > search.KeptWhole ? end - limits.MicroBatchTokens + 1 : 0;
        var yields = limits.SharedCells ? lost : end - 1;
        if (entry.Awaited > start && entry.Awaited < yields) return (entry.Awaited, true);
        // The first of several: the system text's end is of use to most.
        return entry.NextBoundary > start && entry.NextBoundary < end ? (entry.NextBoundary, false) : default;
    }
}
