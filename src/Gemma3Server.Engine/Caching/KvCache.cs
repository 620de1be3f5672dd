using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>
/// Owns the runtime's sequence ids and cells, and brings to a new sequence what others have computed: it takes an idle id over, copies from
/// another, or restores from host memory, as <see cref="PrefixSearch"/> finds best.
/// </summary>
/// <remarks>
/// The only caller of Rewind, TryFork, Snapshot, Restore and Release. Used by the engine loop alone. Whatever the runtime refuses is computed.
/// </remarks>
internal sealed class KvCache
{
    /// <summary>
    /// Times that a sequence may wait for others to compute its beginning: each wait ends, but a chain of donors that leave shall end too.
    /// </summary>
    private const int MostWaits = 8;

    private readonly IModelRuntime _runtime;
    private readonly EngineOptions _options;
    private readonly CacheEntry[] _entries;
    private readonly PrefixCache _prefixes = new();
    private readonly PrefixSearch _search;
    private readonly CheckpointPolicy _checkpoints;
    private readonly CellForecast _forecast;
    private readonly SwapSpace _swaps = new();
    private readonly PreemptionCost _cost = new();
    private readonly IdCompaction? _compaction;
    private readonly TimeProvider _clock;
    private double _hostBytesPerToken;
    private int _checkpointBytes;

    public KvCache(IModelRuntime runtime, EngineOptions options, TimeProvider clock)
    {
        _runtime = runtime;
        _options = options;
        _clock = clock;
        // Every running sequence has a row in every step, so more than a batch of them cannot run.
        _entries = new CacheEntry[Math.Min(runtime.Limits.MaxSequences, runtime.Limits.MaxBatchTokens)];
        for (var id = 0; id < _entries.Length; id++) _entries[id] = new(id);
        _search = new(_prefixes, _entries, runtime.Limits, runtime.Model.SlidingWindow, options);
        _checkpoints = new(_search, runtime.Limits, runtime.Model.SlidingWindow, options);
        _forecast = new(_prefixes, _entries, runtime.Limits, options);
        _compaction = runtime.Limits.SharedCells ? null : new(_entries);
    }

    /// <summary>Sequences that can run at once.</summary>
    public int Capacity => _entries.Length;

    /// <summary>Bytes of all checkpoints, of all prefixes in host memory, and of all sequences that were swapped out.</summary>
    public long CheckpointBytes => _prefixes.CheckpointBytes;

    /// <inheritdoc cref="CheckpointBytes"/>
    public long HostBytes => _prefixes.HostBytes;

    /// <inheritdoc cref="CheckpointBytes"/>
    public long SwappedBytes => _swaps.Bytes;

    /// <inheritdoc cref="CellForecast.CanEverFit"/>
    public bool CanEverFit(Sequence sequence) => _forecast.CanEverFit(sequence);

    /// <inheritdoc cref="CellForecast.HasRoom"/>
    public bool HasRoom(Sequence newcomer, List<Sequence> running) => _forecast.HasRoom(newcomer, running);

    /// <summary>Learns from a step what a prompt's row costs, and what a pass.</summary>
    public void ObserveStep(int decodeRows, int prefillRows, TimeSpan elapsed)
    {
        _cost.ObserveStep(decodeRows, prefillRows, elapsed);
        if (prefillRows == 0) _compaction?.Observe(decodeRows, elapsed.TotalSeconds);
    }

    /// <summary>Moves a running sequence to another id where that leaves fewer holes between those in use and costs less than it saves.</summary>
    public void Compact()
    {
        if (_compaction is not { } compaction || !compaction.Begin() || compaction.Find() is not { From: { } from, To: { } to } move) return;
        var seconds = compaction.MoveSeconds(from.Length) + _cost.ComputeSeconds(_prefixes.Loss(to));
        if (!compaction.Pays(move.Saved, from.Owner!.Remaining, seconds, to.IsFree)) return;
        Clear(to);
        var began = _clock.GetTimestamp();
        var moved = _runtime.TryFork(from.Id, to.Id, from.Length);
        compaction.ObserveMove(moved, from.Length, _clock.GetElapsedTime(began));
        if (!moved) return;
        _runtime.Release(from.Id);
        to.TakeOver(from);
        to.Owner!.Id = to.Id;
        to.Floor = Math.Max(to.Floor, _search.FloorOfCopy(to.Length));
    }

    /// <summary>
    /// Gives a sequence an id and notes how much of it is already computed there; at least one token is always left to compute, for its
    /// logits. Or tells it to wait for a running sequence that is computing the same beginning; to be asked again before every step, so that
    /// nothing is lost when that sequence leaves.
    /// </summary>
    public CacheAnswer TryAcquire(Sequence sequence)
    {
        if (sequence.Swapped is { } swapped)
        {
            if (!HasIdleId()) return CacheAnswer.Full;
            if (TrySwapIn(sequence, swapped)) return CacheAnswer.Acquired;
        }

        if (!_options.PrefixReuse || !sequence.Request.ReusePrefix) return AcquireEmpty(sequence);
        if (StillWaits(sequence)) return CacheAnswer.Wait;
        if (!HasIdleId()) return CacheAnswer.Full; // known without a search, which would be made before every step

        _search.Run(sequence);
        if (_search.Donor is { } donor && sequence.Waits < MostWaits)
        {
            sequence.WaitFor(donor, _search.DonorLength);
            _entries[donor.Id].Want(_search.DonorLength);
            Await(donor, _search.DonorLength);
            return CacheAnswer.Wait;
        }

        var best = _search.Best;
        if (double.IsNegativeInfinity(best.Net)) return CacheAnswer.Full;
        _prefixes.Tick();
        var (id, length) = Bring(best);
        var miss = length == best.Length ? _search.Miss : CacheMiss.Failed;
        var source = length == 0 ? CacheSource.None : best.Source;
        Occupy(id, sequence, length, new(Math.Min(length, sequence.PromptLength), source, Math.Min(_search.DivergedAt, sequence.PromptLength), miss));
        return CacheAnswer.Acquired;
    }

    /// <summary>Where a chunk of a running sequence's prompt shall end early, and whether it must; see <see cref="CheckpointPolicy.Cut"/>.</summary>
    public (int At, bool Must) WantedCut(Sequence sequence, int start, int end) => _checkpoints.Cut(_entries[sequence.Id], start, end);

    /// <summary>Takes a sequence's id back and keeps what it computed for others to continue on.</summary>
    public void Keep(Sequence sequence)
    {
        var entry = _entries[sequence.Id];
        if (_options.PrefixReuse && sequence.Computed > 0)
        {
            _prefixes.Tick();
            entry.Floor = _search.FloorOf(entry);
            _prefixes.Attach(entry, sequence.Tokens[..sequence.Computed]);
            entry.Owner = null;
            entry.ForgetWishes();
        }
        else
        {
            Empty(entry);
        }

        Leave(sequence);
    }

    /// <summary>Takes a sequence's id back and drops what it computed.</summary>
    public void Drop(Sequence sequence)
    {
        Empty(_entries[sequence.Id]);
        Leave(sequence);
    }

    /// <summary>
    /// Takes a sequence's id back for want of cells. What it computed goes to host memory, where that is cheaper than computing it again and
    /// there is room; <see cref="Sequence.Swapped"/> tells.
    /// </summary>
    public void SwapOut(Sequence sequence)
    {
        var entry = _entries[sequence.Id];
        var lost = sequence.Computed - (sequence.Request.ReusePrefix ? PrefixCache.HeldByOthers(entry) : 0);
        var expected = (long)(_hostBytesPerToken * sequence.Computed);
        if (_cost.SwapIsCheaper(sequence.Computed, expected, lost)
            && _prefixes.MakeHostRoom(expected, HostBudget, double.PositiveInfinity)
            && TakeWhole(entry) is { } snapshot)
        {
            if (_prefixes.MakeHostRoom(snapshot.Data.Length, HostBudget, double.PositiveInfinity)) _swaps.Put(sequence, snapshot);
            else snapshot.Dispose();
        }

        Drop(sequence);
    }

    /// <summary>Forgets what a sequence that waits has in host memory.</summary>
    public void DropSwapped(Sequence sequence) => _swaps.Remove(sequence);

    /// <summary>Moves the idle entry that is worth least to host memory, or drops it; false when there is none.</summary>
    public bool TryEvict()
    {
        if (_prefixes.LeastIdle(_entries) is not { } entry) return false;
        Clear(entry);
        return true;
    }

    /// <summary>Gives back the host memory that is only kept for later: prefixes and checkpoints. False when there was none.</summary>
    public bool ShedSnapshots()
    {
        var had = _prefixes.DropSnapshots();
        _prefixes.Tick(); // now, since memory is wanted
        return had;
    }

    /// <summary>Gives back all memory that is only kept for later, and the cells of idle ids. False when there was none.</summary>
    public bool Shed()
    {
        var had = ShedSnapshots();
        foreach (var entry in _entries)
        {
            if (!entry.IsIdle) continue;
            Empty(entry);
            had = true;
        }

        return had;
    }

    /// <summary>Forgets all that is in host memory.</summary>
    public void DropHosts()
    {
        while (_prefixes.Hosts is [.., var last]) _prefixes.DropHost(last);
    }

    /// <summary>
    /// After a failed forward: brings a running sequence and the runtime back to the same length, from which the next step goes on. The last
    /// token is always left to compute, for its logits were lost.
    /// </summary>
    public void Reconcile(Sequence sequence)
    {
        var held = _runtime.Length(sequence.Id);
        if (held < sequence.Computed)
        {
            _runtime.Release(sequence.Id);
            sequence.Computed = 0;
        }
        else
        {
            sequence.Computed = held >= sequence.Count ? _runtime.Rewind(sequence.Id, sequence.Count - 1) : held;
        }

        if (sequence.Computed == 0) NoteLost(_entries[sequence.Id]);
    }

    /// <summary>Takes back the rows of drafts that did not hold: a running sequence keeps what it has computed, at worst nothing.</summary>
    public void TakeBack(Sequence sequence)
    {
        var held = _runtime.Length(sequence.Id);
        if (held <= sequence.Computed) return;
        var entry = _entries[sequence.Id];
        entry.Floor = Math.Max(entry.Floor, _search.FloorOf(held));
        var kept = _runtime.Rewind(sequence.Id, sequence.Computed);
        if (kept == sequence.Computed) return;
        _runtime.Release(sequence.Id);
        sequence.Computed = 0;
        NoteLost(entry);
    }

    /// <summary>
    /// Takes the checkpoint that is wanted where a sequence has arrived, so that others can part from it there however long it becomes. It is called
    /// once per step and sequence, after the tokens of the step went out. A prefix whose sequence must stay so short that a rewind
    /// undoes the rest does not pay for one; neither does one just behind another.
    /// </summary>
    public void Checkpoint(Sequence sequence)
    {
        var entry = _entries[sequence.Id];
        if (sequence.Computed < entry.NextBoundary) return;
        var length = 0;
        for (; entry.NextBoundary <= sequence.Computed; entry.PassBoundary()) length = entry.NextBoundary;
        if (!_checkpoints.Pays(entry, sequence, length)) return;
        var saved = PrefixCache.Chance * (length - PrefixCache.LengthOfCheckpointBefore(entry, length));
        var around = length < sequence.Computed && !_runtime.Limits.SharedCells ? (long)(2 * _hostBytesPerToken * sequence.Computed) : 0;
        if (!_cost.CopyPays(_checkpointBytes + around, saved)) return;
        if (length == sequence.Computed) TakeCheckpoint(sequence, sequence.Id, length);
        else if (IsAboutToBeLost(sequence, length) && length >= _search.FloorOf(entry)) TakePassedCheckpoint(sequence, entry, length);
    }

    /// <summary>Throws when the cache, the runtime and the sequences that run or wait disagree.</summary>
    public void CheckIntegrity(List<Sequence> running, List<Sequence> waiting)
    {
        foreach (var entry in _entries)
        {
            if (!entry.InUse) Assert(_runtime.Length(entry.Id) == entry.Length, $"id {entry.Id} holds what its tokens say");
            Assert(entry.Floor <= Math.Max(entry.Length, entry.Tip?.End ?? 0), $"id {entry.Id} can be rewound to its own length");
            Assert(entry.Shared <= Math.Max(entry.Length, entry.Tip?.End ?? 0), $"id {entry.Id} shares no more than it holds");
            Assert(entry.InUse || (entry.Boundaries.Count == 0 && entry.Awaited == int.MaxValue), $"nobody waits for idle id {entry.Id}");
        }

        Assert(_entries.Count(e => e.InUse) == running.Count, "one id in use per running sequence");
        foreach (var sequence in running)
        {
            Assert(_entries[sequence.Id].Owner == sequence, $"sequence {sequence.Number} holds id {sequence.Id}");
            Assert(_runtime.Length(sequence.Id) == sequence.Computed, $"id {sequence.Id} holds what sequence {sequence.Number} computed");
        }

        Assert(CheckpointBytes <= _options.CheckpointBytes && HostBytes + SwappedBytes <= _options.HostCacheBytes, "snapshots keep their budgets");
        _swaps.CheckIntegrity(waiting);
        _prefixes.CheckIntegrity(_entries);
    }

    private static void Assert(bool condition, string rule)
    {
        if (!condition) throw new InvalidOperationException($"KV cache integrity: violated rule: {rule}.");
    }

    // The rest of the prompt alone is more than a local layer keeps beyond its window.
    private bool IsAboutToBeLost(Sequence sequence, int length) =>
        length >= _search.LeastCopy && sequence.Count - length >= _runtime.Limits.MicroBatchTokens;

    private static void Leave(Sequence sequence)
    {
        sequence.Id = Sequence.None;
        sequence.Computed = 0;
    }

    /// <summary>Whether the sequence waits for one that is still on its way there; near enough counts as there.</summary>
    private bool StillWaits(Sequence sequence)
    {
        if (sequence.Donor is not { State: SequenceState.Running } donor) return false;
        if (sequence.DonorLength - donor.Computed < Math.Min(_search.LeastCopy, PrefixSearch.MinimumReuse)) return false;
        Await(donor, sequence.DonorLength);
        return true;
    }

    private void Await(Sequence donor, int length)
    {
        var entry = _entries[donor.Id];
        if (entry.Awaited <= donor.Computed || entry.Awaited > length) entry.Awaited = length;
    }

    private bool HasIdleId()
    {
        foreach (var entry in _entries)
        {
            if (!entry.InUse) return true;
        }

        return false;
    }

    private CacheAnswer AcquireEmpty(Sequence sequence)
    {
        if (!HasIdleId()) return CacheAnswer.Full;
        _prefixes.Tick();
        foreach (var entry in _entries) entry.Worth = _prefixes.Loss(entry);
        if (IdPlacement.Choose(_entries) is not { } chosen) return CacheAnswer.Full;
        Clear(chosen);
        Occupy(chosen, sequence, 0, new(0, CacheSource.None, 0, CacheMiss.Disabled));
        return CacheAnswer.Acquired;
    }

    /// <summary>Brings a sequence back from host memory; false when it cannot be, and is to be computed again. There is an idle id.</summary>
    private bool TrySwapIn(Sequence sequence, SequenceSnapshot swapped)
    {
        _prefixes.Tick();
        foreach (var other in _entries) other.Worth = _prefixes.Loss(other);
        var entry = IdPlacement.Choose(_entries)!;
        Clear(entry);
        var restored = RestoreWhole(entry, swapped);
        _swaps.Remove(sequence);
        if (restored) Occupy(entry, sequence, swapped.Length, sequence.CacheExplanation);
        return restored;
    }

    private void Occupy(CacheEntry entry, Sequence sequence, int reused, CacheExplanation explanation)
    {
        entry.Owner = sequence;
        sequence.Id = entry.Id;
        sequence.Computed = reused;
        sequence.StopWaiting();
        if (!sequence.Output.Started) (sequence.CacheExplanation, sequence.CachedTokens) = (explanation, explanation.ReusedTokens);
        if (!_options.PrefixReuse) return;
        _prefixes.Attach(entry, sequence.Tokens);
        // A checkpoint may cut a sequence for a moment and bring it back: not one whose bits shall depend on nothing.
        if (!sequence.Request.Deterministic) _checkpoints.Want(entry, sequence);
    }

    /// <summary>Makes an id hold what was chosen, or nothing, and tells how much that is.</summary>
    private (CacheEntry Entry, int Length) Bring(PrefixChoice choice)
    {
        _prefixes.Touch(choice.Host);
        _prefixes.Touch(choice.Checkpoint);
        var (host, checkpoint) = (choice.Host?.Host, choice.Checkpoint?.Checkpoint);
        if (choice.Source == CacheSource.Idle)
        {
            var entry = choice.Holder!;
            Demote(entry, choice.Length);
            return (entry, CutBack(entry, entry.Length, choice.Length, checkpoint));
        }

        // Emptying an id may push what was chosen out of host memory; the snapshot itself is in hand.
        var target = IdPlacement.Choose(_entries, choice.Holder)!;
        Clear(target);
        var held = choice.Source switch
        {
            CacheSource.Fork => Fork(choice.Holder!, target, choice.Length, checkpoint is not null),
            CacheSource.Host => RestoreHost(target, choice.Host!, host!),
            _ => 0,
        };
        return (target, held == 0 ? 0 : CutBack(target, held, choice.Length, checkpoint));
    }

    /// <summary>Cuts an id that holds <paramref name="held"/> positions back to <paramref name="length"/> and returns what is really left, at worst nothing.</summary>
    private int CutBack(CacheEntry entry, int held, int length, SequenceSnapshot? checkpoint)
    {
        if (checkpoint is null) entry.Floor = Math.Min(_search.FloorOf(entry), length);
        else if (_runtime.Restore(entry.Id, checkpoint)) entry.Floor = _search.FloorOfCopy(held = checkpoint.Length);
        else length = 0;

        if (length > 0 && held > length) length = _runtime.Rewind(entry.Id, length);
        entry.Shared = Math.Min(entry.Shared, length);
        if (length == 0) Empty(entry);
        return length;
    }

    /// <summary>Copies a holder's state, or shares it, and returns how much; the holder stays as it is.</summary>
    private int Fork(CacheEntry holder, CacheEntry target, int length, bool whole)
    {
        var held = holder.Length;
        var own = !_runtime.Limits.SharedCells;
        // Own cells: a copy of the whole, cut back, is cheaper than a copy of a part, and leaves the holder its window.
        whole |= length >= held - 1 || (own && _runtime.Model.SlidingWindow == 0);
        var copied = whole ? held : length;
        var done = _runtime.TryFork(holder.Id, target.Id, copied);
        if (_runtime.Length(holder.Id) is var left && left != held) LoseHolder(holder);
        else if (!whole && own) holder.Floor = Math.Max(holder.Floor, _search.FloorOfCopy(held));
        if (!done) return 0;
        target.Floor = _search.FloorOfCopy(copied);
        if (!own) (target.Shared, holder.Shared) = (copied, Math.Max(holder.Shared, copied));
        if (holder.IsIdle) holder.LastUsed = _prefixes.Now;
        return copied;
    }

    private void LoseHolder(CacheEntry holder)
    {
        if (holder.Owner is { } owner)
        {
            _runtime.Release(holder.Id);
            owner.Computed = 0;
            NoteLost(holder);
        }
        else
        {
            Empty(holder);
        }
    }

    private int RestoreHost(CacheEntry target, RadixNode node, SequenceSnapshot snapshot)
    {
        if (RestoreWhole(target, snapshot)) return snapshot.Length;
        if (node.Host == snapshot) _prefixes.DropHost(node);
        return 0;
    }

    /// <summary>Host memory that those who are swapped out leave to prefixes.</summary>
    private long HostBudget => _options.HostCacheBytes - _swaps.Bytes;

    private SequenceSnapshot? TakeWhole(CacheEntry entry)
    {
        if (Take(entry.Id, SnapshotScope.Full) is not { } snapshot) return null;
        _hostBytesPerToken = snapshot.Data.Length / (double)snapshot.Length;
        return snapshot;
    }

    /// <summary>A snapshot only saves work: without memory for it there is none, and the others give theirs back.</summary>
    private SequenceSnapshot? Take(int id, SnapshotScope scope)
    {
        var began = _clock.GetTimestamp();
        try
        {
            if (_runtime.Snapshot(id, scope) is not { } snapshot) return null;
            _cost.ObserveCopy(snapshot.Data.Length, _clock.GetElapsedTime(began));
            return snapshot;
        }
        catch (OutOfMemoryException)
        {
            _prefixes.DropSnapshots();
            return null;
        }
    }

    private bool RestoreWhole(CacheEntry target, SequenceSnapshot snapshot)
    {
        // Idle ids hold cells that it may need. The forecast spares most refusals, which the library logs as errors; it is none of exact books.
        while (_runtime.Limits.SharedCells && _forecast.Free() < snapshot.Length && TryEvict())
        {
        }

        var began = _clock.GetTimestamp();
        while (!_runtime.Restore(target.Id, snapshot))
        {
            if (!_runtime.Limits.SharedCells || !TryEvict()) return false;
        }

        _cost.ObserveCopy(snapshot.Data.Length, _clock.GetElapsedTime(began));
        target.Floor = _search.FloorOfCopy(snapshot.Length);
        return true;
    }

    /// <summary>
    /// Copies to host memory what an idle id is about to lose beyond <paramref name="kept"/> tokens, if nobody else holds that and it is worth a copy.
    /// </summary>
    private void Demote(CacheEntry entry, int kept = 0)
    {
        if (!entry.IsIdle || _options.HostCacheBytes == 0 || PrefixCache.Unique(entry, kept) < _options.HostMinimumTokens) return;
        var (worth, expected) = (_prefixes.Loss(entry, kept), (long)(_hostBytesPerToken * entry.Length));
        if (!_cost.CopyPays(2 * expected, PrefixCache.Chance * PrefixCache.Unique(entry, kept))) return; // out, and back before it is of use
        if (!_prefixes.MakeHostRoom(expected, HostBudget, worth) || TakeWhole(entry) is not { } snapshot) return;
        if (_prefixes.MakeHostRoom(snapshot.Data.Length, HostBudget, worth)) _prefixes.SetHost(entry.Tip!, snapshot);
        else snapshot.Dispose();
    }

    private void TakeCheckpoint(Sequence sequence, int id, int length)
    {
        if (!_prefixes.MakeCheckpointRoom(_options.CheckpointBytes)) return;
        if (Take(id, SnapshotScope.SlidingWindow) is not { } snapshot) return;
        _checkpointBytes = snapshot.Data.Length;
        if (CheckpointBytes + _checkpointBytes <= _options.CheckpointBytes) _prefixes.SetCheckpoint(sequence.Tokens[..length], snapshot);
        else snapshot.Dispose();
    }

    /// <summary>
    /// A checkpoint of a length that the sequence has just passed, while its window is still there: of a fork into a free id or, where a fork
    /// would be a copy anyway, of the sequence itself, which is cut and brought back.
    /// </summary>
    private void TakePassedCheckpoint(Sequence sequence, CacheEntry entry, int length)
    {
        if (_runtime.Limits.SharedCells)
        {
            if (Array.Find(_entries, static e => e.IsFree) is not { } spare) return;
            if (Fork(entry, spare, length, whole: false) == length) TakeCheckpoint(sequence, spare.Id, length);
            Empty(spare);
            return;
        }

        using var whole = Take(entry.Id, SnapshotScope.Full);
        if (whole is null) return;
        if (_runtime.Rewind(entry.Id, length) == length) TakeCheckpoint(sequence, entry.Id, length);
        if (_runtime.Restore(entry.Id, whole)) entry.Floor = Math.Max(entry.Floor, _search.FloorOfCopy(whole.Length));
        else LoseHolder(entry);
    }

    /// <summary>Empties an id that is not in use; what it held goes to host memory if it is worth that.</summary>
    private void Clear(CacheEntry entry)
    {
        Demote(entry);
        Empty(entry);
    }

    private void Empty(CacheEntry entry)
    {
        _runtime.Release(entry.Id);
        _prefixes.Detach(entry);
        entry.Owner = null;
        (entry.Floor, entry.Shared) = (0, 0);
        entry.ForgetWishes();
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
