using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>
/// States of sequences in host memory: checkpoints of sliding windows, prefixes that no id holds any more, and sequences that were swapped out.
/// Takes them where that is cheaper than computing again, within their budgets, of which every loaded model has an equal part.
/// </summary>
/// <remarks>
/// Used by the engine loop alone. A snapshot only saves work: what cannot be taken or brought back is computed. What the runtime keeps for the next
/// ones counts within the budgets too.
/// </remarks>
internal sealed class HostMemory(IModelRuntime runtime, PrefixCache prefixes, PreemptionCost cost, EngineOptions options, TimeProvider clock)
{
    private readonly SwapSpace _swaps = new();
    private int _parts;
    private double _bytesPerToken;
    private int _checkpointBytes;
    private int _tooLong;

    /// <summary>Bytes of all checkpoints, of all prefixes, and of all sequences that were swapped out.</summary>
    public long CheckpointBytes => prefixes.CheckpointBytes;

    /// <inheritdoc cref="CheckpointBytes"/>
    public long PrefixBytes => prefixes.HostBytes;

    /// <inheritdoc cref="CheckpointBytes"/>
    public long SwappedBytes => _swaps.Bytes;

    private long CheckpointBudget => options.CheckpointBytes / _parts;

    private long CacheBudget => options.HostCacheBytes / _parts;

    /// <summary>What those who are swapped out leave to prefixes.</summary>
    private long PrefixBudget => CacheBudget - _swaps.Bytes;

    /// <summary>Looks with how many the budgets are shared now, and gives back what is beyond this model's part. Called before the first use, and between steps.</summary>
    public void KeepShare()
    {
        var parts = options.HostShares?.Count ?? 1;
        if (parts == _parts) return;
        _parts = parts;
        _tooLong = int.MaxValue;
        prefixes.MakeCheckpointRoom(0, CheckpointBudget);
        _swaps.Trim(CacheBudget);
        prefixes.MakeHostRoom(0, PrefixBudget, double.PositiveInfinity);
        prefixes.Tick(); // now, since others may take it
        (runtime as ISnapshotPool)?.LimitSnapshots(CheckpointBudget + CacheBudget);
    }

    /// <summary>
    /// Copies what a running sequence computed, before it gives up its id, where that is cheaper than computing it again and there is room;
    /// <see cref="Sequence.Swapped"/> tells.
    /// </summary>
    public void SwapOut(Sequence sequence, CacheEntry entry)
    {
        var lost = sequence.Computed - (sequence.Request.ReusePrefix ? PrefixCache.HeldByOthers(entry) : 0);
        if (!cost.SwapIsCheaper(sequence.Computed, ExpectedBytes(sequence.Computed), lost)) return;
        if (TakeWhole(entry, double.PositiveInfinity) is { } snapshot) _swaps.Put(sequence, snapshot);
    }

    /// <summary>Forgets what a sequence that waits has here.</summary>
    public void DropSwapped(Sequence sequence) => _swaps.Remove(sequence);

    /// <summary>
    /// Copies what an idle id is about to lose beyond <paramref name="kept"/> tokens, if nobody else holds that and it is worth a copy.
    /// </summary>
    public void Demote(CacheEntry entry, int kept = 0)
    {
        if (!entry.IsIdle || CacheBudget == 0 || PrefixCache.Unique(entry, kept) < options.HostMinimumTokens) return;
        var back = 2 * ExpectedBytes(entry.Length); // out, and back before it is of use
        if (!cost.CopyPays(back, PrefixCache.Chance * PrefixCache.Unique(entry, kept))) return;
        if (TakeWhole(entry, prefixes.Loss(entry, kept)) is { } snapshot) prefixes.SetHost(entry.Tip!, snapshot);
    }

    /// <summary>
    /// Whether a checkpoint of <paramref name="length"/> tokens, which saves <paramref name="saved"/>, is worth its copy, and that of
    /// <paramref name="around"/> tokens which have to make way for it. None is that the budget is known to be too small for.
    /// </summary>
    public bool CheckpointPays(int length, double saved, int around) =>
        length < _tooLong && cost.CopyPays(_checkpointBytes + (2 * ExpectedBytes(around)), saved);

    /// <summary>Takes a checkpoint of an id that holds the first <paramref name="length"/> tokens of a sequence.</summary>
    public void TakeCheckpoint(Sequence sequence, int id, int length)
    {
        if (Take(id, SnapshotScope.SlidingWindow) is not { } snapshot) return;
        _checkpointBytes = snapshot.Data.Length;
        if (prefixes.MakeCheckpointRoom(_checkpointBytes, CheckpointBudget))
        {
            prefixes.SetCheckpoint(sequence.Tokens[..length], snapshot);
            return;
        }

        _tooLong = Math.Min(_tooLong, length); // shorter ones are smaller: some may fit
        snapshot.Dispose();
    }

    /// <summary>Copies an id's state; without memory for it the others give theirs back.</summary>
    public SequenceSnapshot? Take(int id, SnapshotScope scope)
    {
        var began = clock.GetTimestamp();
        try
        {
            if (runtime.Snapshot(id, scope) is not { } snapshot) return null;
            cost.ObserveCopy(snapshot.Data.Length, clock.GetElapsedTime(began));
            return snapshot;
        }
        catch (OutOfMemoryException)
        {
            prefixes.DropSnapshots();
            return null;
        }
    }

    /// <summary>Gives back what is only kept for later: prefixes, checkpoints, and memory for the next ones. False when there was none.</summary>
    public bool Shed()
    {
        var had = prefixes.DropSnapshots();
        prefixes.Tick(); // now, since memory is wanted
        if (runtime is ISnapshotPool pool)
        {
            pool.LimitSnapshots(0);
            pool.LimitSnapshots(CheckpointBudget + CacheBudget);
        }

        return had;
    }

    /// <summary>Gives all back; to be called before the runtime is disposed.</summary>
    public void Clear()
    {
        _swaps.Trim(0);
        Shed();
    }

    /// <summary>Throws when a budget is not kept, or what is swapped out is not what <paramref name="waiting"/> sequences wait for.</summary>
    public void CheckIntegrity(List<Sequence> waiting)
    {
        var sound = CheckpointBytes <= CheckpointBudget && PrefixBytes + SwappedBytes <= CacheBudget;
        if (!sound) throw new InvalidOperationException("Host memory integrity: snapshots do not keep their budgets.");
        _swaps.CheckIntegrity(waiting);
    }

    private long ExpectedBytes(int tokens) => (long)(_bytesPerToken * tokens);

    /// <summary>A copy of all that an id holds, for which prefixes worth less than <paramref name="worth"/> make room.</summary>
    private SequenceSnapshot? TakeWhole(CacheEntry entry, double worth)
    {
        if (!prefixes.MakeHostRoom(ExpectedBytes(entry.Length), PrefixBudget, worth)) return null;
        if (Take(entry.Id, SnapshotScope.Full) is not { } snapshot) return null;
        _bytesPerToken = snapshot.Data.Length / (double)snapshot.Length;
        if (prefixes.MakeHostRoom(snapshot.Data.Length, PrefixBudget, worth)) return snapshot;
        snapshot.Dispose();
        return null;
    }
}
