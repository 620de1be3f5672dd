using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>
/// Changes what the runtime's sequence ids hold: brings a known prefix into one, cuts one back, moves one, empties one; and keeps the books about it.
/// </summary>
/// <remarks>Used by the engine loop alone. Whatever the runtime refuses leaves the id empty, and its running sequence with all to compute.</remarks>
internal sealed class IdContents(
    IModelRuntime runtime, CacheEntry[] entries, PrefixCache prefixes, PrefixSearch search, CellForecast forecast, HostMemory host, PreemptionCost cost,
    TimeProvider clock)
{
    /// <summary>Makes an id hold what was chosen, or nothing, and tells how much that is.</summary>
    public (CacheEntry Entry, int Length) Bring(PrefixChoice choice)
    {
        prefixes.Touch(choice.Host);
        prefixes.Touch(choice.Checkpoint);
        var (snapshot, checkpoint) = (choice.Host?.Host, choice.Checkpoint?.Checkpoint);
        if (choice.Source == CacheSource.Idle)
        {
            var entry = choice.Holder!;
            host.Demote(entry, choice.Length);
            return (entry, CutBack(entry, entry.Length, choice.Length, checkpoint));
        }

        // Emptying an id may push what was chosen out of host memory; the snapshot itself is in hand.
        var target = IdPlacement.Choose(entries, choice.Holder)!;
        Clear(target);
        var held = choice.Source switch
        {
            CacheSource.Fork => Fork(choice.Holder!, target, choice.Length, checkpoint is not null),
            CacheSource.Host => RestoreHost(target, choice.Host!, snapshot!),
            _ => 0,
        };
        return (target, held == 0 ? 0 : CutBack(target, held, choice.Length, checkpoint));
    }

    /// <summary>Empties an id that is not in use, of which there is one.</summary>
    public CacheEntry ClearOne()
    {
        foreach (var entry in entries) entry.Worth = prefixes.Loss(entry);
        var chosen = IdPlacement.Choose(entries)!;
        Clear(chosen);
        return chosen;
    }

    /// <summary>Restores a whole state into an empty id; where cells are missing, idle ids give way.</summary>
    public bool RestoreWhole(CacheEntry target, SequenceSnapshot snapshot)
    {
        // Idle ids hold cells that it may need. The forecast spares most refusals, which the library logs as errors; it is none of exact books.
        while (runtime.Limits.SharedCells && forecast.Free() < snapshot.Length && TryEvict())
        {
        }

        var began = clock.GetTimestamp();
        while (!runtime.Restore(target.Id, snapshot))
        {
            if (!runtime.Limits.SharedCells || !TryEvict()) return false;
        }

        cost.ObserveCopy(snapshot.Data.Length, clock.GetElapsedTime(began));
        target.Floor = search.FloorOfCopy(snapshot.Length);
        return true;
    }

    /// <summary>Moves a running sequence to another, empty id; false when the runtime cannot.</summary>
    public bool TryMove(CacheEntry from, CacheEntry to)
    {
        if (!runtime.TryFork(from.Id, to.Id, from.Length)) return false;
        runtime.Release(from.Id);
        to.TakeOver(from);
        to.Owner!.Id = to.Id;
        to.Floor = Math.Max(to.Floor, search.FloorOfCopy(to.Length));
        return true;
    }

    /// <summary>
    /// Takes a checkpoint of a length that a running sequence has just passed, while its window is still there: of a fork into a free id or, where a fork
    /// would be a copy anyway, of the sequence itself, which is cut and brought back.
    /// </summary>
    public void TakePassedCheckpoint(CacheEntry entry, int length)
    {
        if (runtime.Limits.SharedCells)
        {
            if (Array.Find(entries, static e => e.IsFree) is not { } spare) return;
            if (Fork(entry, spare, length, whole: false) == length) host.TakeCheckpoint(entry.Owner!, spare.Id, length);
            Empty(spare);
            return;
        }

        using var whole = host.Take(entry.Id, SnapshotScope.Full);
        if (whole is null) return;
        if (runtime.Rewind(entry.Id, length) == length) host.TakeCheckpoint(entry.Owner!, entry.Id, length);
        if (runtime.Restore(entry.Id, whole)) entry.Floor = Math.Max(entry.Floor, search.FloorOfCopy(whole.Length));
        else Lose(entry);
    }

    /// <summary>
    /// After a failed forward: brings a running sequence and the runtime back to the same length, from which the next step goes on. The last
    /// token is always left to compute, for its logits were lost.
    /// </summary>
    public void Reconcile(CacheEntry entry)
    {
        var (sequence, held) = (entry.Owner!, runtime.Length(entry.Id));
        if (held < sequence.Computed)
        {
            Lose(entry);
            return;
        }

        sequence.Computed = held >= sequence.Count ? runtime.Rewind(entry.Id, sequence.Count - 1) : held;
        if (sequence.Computed == 0) NoteLost(entry);
    }

    /// <summary>Takes back the rows of drafts that did not hold: a running sequence keeps what it has computed, at worst nothing.</summary>
    public void TakeBack(CacheEntry entry)
    {
        var (sequence, held) = (entry.Owner!, runtime.Length(entry.Id));
        if (held <= sequence.Computed) return;
        entry.Floor = Math.Max(entry.Floor, search.FloorOf(held));
        if (runtime.Rewind(entry.Id, sequence.Computed) != sequence.Computed) Lose(entry);
    }

    /// <summary>Moves the idle entry that is worth least to host memory, or drops it; false when there is none.</summary>
    public bool TryEvict()
    {
        if (prefixes.LeastIdle(entries) is not { } entry) return false;
        Clear(entry);
        return true;
    }

    /// <summary>Empties an id that is not in use; what it held goes to host memory if it is worth that.</summary>
    public void Clear(CacheEntry entry)
    {
        host.Demote(entry);
        Empty(entry);
    }

    /// <summary>Empties an id.</summary>
    public void Empty(CacheEntry entry)
    {
        runtime.Release(entry.Id);
        prefixes.Detach(entry);
        entry.Owner = null;
        (entry.Floor, entry.Shared) = (0, 0);
        entry.ForgetWishes();
    }

    /// <summary>Throws when an id and the runtime disagree about what is in it.</summary>
    public void CheckIntegrity()
    {
        foreach (var entry in entries)
        {
            var longest = Math.Max(entry.Length, entry.Tip?.End ?? 0);
            Assert(runtime.Length(entry.Id) == entry.Length, $"id {entry.Id} holds what its tokens say, or its sequence computed");
            Assert(entry.Floor <= longest, $"id {entry.Id} can be rewound to its own length");
            Assert(entry.Shared <= longest, $"id {entry.Id} shares no more than it holds");
            Assert(entry.InUse || (entry.Boundaries.Count == 0 && entry.Awaited == int.MaxValue), $"nobody waits for idle id {entry.Id}");
        }

        static void Assert(bool condition, string rule)
        {
            if (!condition) throw new InvalidOperationException($"KV cache integrity: violated rule: {rule}.");
        }
    }

    /// <summary>Cuts an id that holds <paramref name="held"/> positions back to <paramref name="length"/> and returns what is really left, at worst nothing.</summary>
    private int CutBack(CacheEntry entry, int held, int length, SequenceSnapshot? checkpoint)
    {
        if (checkpoint is null) entry.Floor = Math.Min(search.FloorOf(entry), length);
        else if (runtime.Restore(entry.Id, checkpoint)) entry.Floor = search.FloorOfCopy(held = checkpoint.Length);
        else length = 0;

        if (length > 0 && held > length) length = runtime.Rewind(entry.Id, length);
        entry.Shared = Math.Min(entry.Shared, length);
        if (length == 0) Empty(entry);
        return length;
    }

    /// <summary>Copies a holder's state, or shares it, and returns how much; the holder stays as it is.</summary>
    private int Fork(CacheEntry holder, CacheEntry target, int length, bool whole)
    {
        var held = holder.Length;
        var own = !runtime.Limits.SharedCells;
        // Own cells: a copy of the whole, cut back, is cheaper than a copy of a part, and leaves the holder its window.
        whole |= length >= held - 1 || (own && runtime.Model.SlidingWindow == 0);
        var copied = whole ? held : length;
        var done = runtime.TryFork(holder.Id, target.Id, copied);
        if (runtime.Length(holder.Id) is var left && left != held) Lose(holder);
        else if (!whole && own) holder.Floor = Math.Max(holder.Floor, search.FloorOfCopy(held));
        if (!done) return 0;
        target.Floor = search.FloorOfCopy(copied);
        if (!own) (target.Shared, holder.Shared) = (copied, Math.Max(holder.Shared, copied));
        if (holder.IsIdle) holder.LastUsed = prefixes.Now;
        return copied;
    }

    private int RestoreHost(CacheEntry target, RadixNode node, SequenceSnapshot snapshot)
    {
        if (RestoreWhole(target, snapshot)) return snapshot.Length;
        if (node.Host == snapshot) prefixes.DropHost(node);
        return 0;
    }

    /// <summary>An id has lost its state, or a part: it is emptied, and its sequence, if one is running, computes all again.</summary>
    private void Lose(CacheEntry entry)
    {
        if (entry.Owner is not { } owner)
        {
            Empty(entry);
            return;
        }

        runtime.Release(entry.Id);
        owner.Computed = 0;
        NoteLost(entry);
    }

    /// <summary>A running sequence has lost what was computed; what of it was taken from the cache is computed after all.</summary>
    private static void NoteLost(CacheEntry entry)
    {
        (entry.Floor, entry.Shared) = (0, 0);
        if (entry.Owner is not { Output.Started: false } owner || owner.CachedTokens == 0) return;
        owner.CachedTokens = 0;
        owner.CacheExplanation = owner.CacheExplanation with { ReusedTokens = 0, Source = CacheSource.None, Reason = CacheMiss.Failed };
    }
}
