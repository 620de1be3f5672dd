using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>
/// Gives the runtime's sequence ids to sequences, and brings to a new one what others have computed: it takes an idle id over, copies from
/// another, or restores from host memory, as <see cref="PrefixSearch"/> finds best.
/// </summary>
/// <remarks>
/// With its two rooms, <see cref="IdContents"/> and <see cref="HostMemory"/>, the only caller of Rewind, TryFork, Snapshot, Restore and Release. Used
/// by the engine loop alone. Whatever the runtime refuses is computed.
/// </remarks>
internal sealed class KvCache
{
    /// <summary>
    /// Times that a sequence may wait for others to compute its beginning: each wait ends, but a chain of donors that leave shall end too.
    /// </summary>
    private const int MostWaits = 8;

    private readonly RuntimeLimits _limits;
    private readonly EngineOptions _options;
    private readonly CacheEntry[] _entries;
    private readonly PrefixCache _prefixes = new();
    private readonly PrefixSearch _search;
    private readonly CheckpointPolicy _checkpoints;
    private readonly CellForecast _forecast;
    private readonly PreemptionCost _cost = new();
    private readonly HostMemory _host;
    private readonly IdContents _ids;
    private readonly IdCompaction? _compaction;
    private readonly TimeProvider _clock;

    public KvCache(IModelRuntime runtime, EngineOptions options, TimeProvider clock)
    {
        _limits = runtime.Limits;
        _options = options;
        _clock = clock;
        // Every running sequence has a row in every step, so more than a batch of them cannot run.
        _entries = new CacheEntry[Math.Min(_limits.MaxSequences, _limits.MaxBatchTokens)];
        for (var id = 0; id < _entries.Length; id++) _entries[id] = new(id);
        _search = new(_prefixes, _entries, _limits, runtime.Model.SlidingWindow, options);
        _checkpoints = new(_search, _limits, runtime.Model.SlidingWindow, options);
        _forecast = new(_prefixes, _entries, _limits, options);
        _host = new(runtime, _prefixes, _cost, options, clock);
        _host.KeepShare();
        _ids = new(runtime, _entries, _prefixes, _search, _forecast, _host, _cost, clock);
        _compaction = _limits.SharedCells ? null : new(_entries);
    }

    /// <summary>Told of each running sequence that got another id, from which one and to which: a draft model keeps books by id as well.</summary>
    public Action<int, int>? OnMoved { get; set; }

    /// <summary>Sequences that can run at once.</summary>
    public int Capacity => _entries.Length;

    /// <inheritdoc cref="HostMemory.CheckpointBytes"/>
    public long CheckpointBytes => _host.CheckpointBytes;

    /// <inheritdoc cref="HostMemory.CheckpointBytes"/>
    public long HostBytes => _host.PrefixBytes;

    /// <inheritdoc cref="HostMemory.CheckpointBytes"/>
    public long SwappedBytes => _host.SwappedBytes;

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
        var length = from.Length;
        var seconds = compaction.MoveSeconds(length) + _cost.ComputeSeconds(_prefixes.Loss(to));
        if (!compaction.Pays(move.Saved, from.Owner!.Remaining, seconds, to.IsFree)) return;
        _ids.Clear(to);
        var began = _clock.GetTimestamp();
        var moved = _ids.TryMove(from, to);
        compaction.ObserveMove(moved, length, _clock.GetElapsedTime(began));
        if (moved) OnMoved?.Invoke(from.Id, to.Id);
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
        var (id, length) = _ids.Bring(best);
        if (length == 0 && best is { Source: CacheSource.Fork, Checkpoint: null, Holder: { Length: > 0 } holder })
        {
            // Its window has gone to others; the next best may be a checkpoint. The id that was emptied is free now.
            holder.Floor = Math.Max(holder.Floor, _search.FloorOfCopy(holder.Length));
            _search.Run(sequence);
            best = _search.Best;
            (id, length) = _ids.Bring(best);
        }

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
            _ids.Empty(entry);
        }

        Leave(sequence);
    }

    /// <summary>Takes a sequence's id back and drops what it computed.</summary>
    public void Drop(Sequence sequence)
    {
        _ids.Empty(_entries[sequence.Id]);
        Leave(sequence);
    }

    /// <summary>Takes a sequence's id back for want of cells; see <see cref="HostMemory.SwapOut"/> for what it computed.</summary>
    public void SwapOut(Sequence sequence)
    {
        _host.SwapOut(sequence, _entries[sequence.Id]);
        Drop(sequence);
    }

    /// <inheritdoc cref="HostMemory.DropSwapped"/>
    public void DropSwapped(Sequence sequence) => _host.DropSwapped(sequence);

    /// <inheritdoc cref="IdContents.TryEvict"/>
    public bool TryEvict() => _ids.TryEvict();

    /// <inheritdoc cref="HostMemory.Shed"/>
    public bool ShedSnapshots() => _host.Shed();

    /// <inheritdoc cref="HostMemory.KeepShare"/>
    public void KeepShare() => _host.KeepShare();

    /// <inheritdoc cref="HostMemory.Clear"/>
    public void ClearHostMemory() => _host.Clear();

    /// <summary>Gives back all memory that is only kept for later, and the cells of idle ids. False when there was none.</summary>
    public bool Shed()
    {
        var had = ShedSnapshots();
        foreach (var entry in _entries)
        {
            if (!entry.IsIdle) continue;
            _ids.Empty(entry);
            had = true;
        }

        return had;
    }

    /// <summary>Forgets all that is in host memory.</summary>
    public void DropHosts()
    {
        while (_prefixes.Hosts is [.., var last]) _prefixes.DropHost(last);
    }

    /// <inheritdoc cref="IdContents.Reconcile"/>
    public void Reconcile(Sequence sequence) => _ids.Reconcile(_entries[sequence.Id]);

    /// <inheritdoc cref="IdContents.TakeBack"/>
    public void TakeBack(Sequence sequence) => _ids.TakeBack(_entries[sequence.Id]);

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
        var passed = length < sequence.Computed;
        if (!_host.CheckpointPays(saved, around: passed && !_limits.SharedCells ? sequence.Computed : 0)) return;
        if (!passed) _host.TakeCheckpoint(sequence, sequence.Id, length);
        else if (IsAboutToBeLost(sequence, length) && length >= _search.FloorOf(entry)) _ids.TakePassedCheckpoint(entry, length);
    }

    /// <summary>Throws when the cache, the runtime and the sequences that run or wait disagree.</summary>
    public void CheckIntegrity(List<Sequence> running, List<Sequence> waiting)
    {
        var sound = _entries.Count(static e => e.InUse) == running.Count && running.TrueForAll(s => _entries[s.Id].Owner == s);
        if (!sound) throw new InvalidOperationException("KV cache integrity: the ids in use are not exactly those of the running sequences.");
        _ids.CheckIntegrity();
        _host.CheckIntegrity(waiting);
        _prefixes.CheckIntegrity(_entries);
    }

    // The rest of the prompt alone is more than a local layer keeps beyond its window.
    private bool IsAboutToBeLost(Sequence sequence, int length) =>
        length >= _search.LeastCopy && _search.IsLostBehind(length, sequence.Count);

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

    private bool HasIdleId() => Array.Exists(_entries, static entry => !entry.InUse);

    private CacheAnswer AcquireEmpty(Sequence sequence)
    {
        if (!HasIdleId()) return CacheAnswer.Full;
        _prefixes.Tick();
        Occupy(_ids.ClearOne(), sequence, 0, new(0, CacheSource.None, 0, CacheMiss.Disabled));
        return CacheAnswer.Acquired;
    }

    /// <summary>Brings a sequence back from host memory; false when it cannot be, and is to be computed again. There is an idle id.</summary>
    private bool TrySwapIn(Sequence sequence, SequenceSnapshot swapped)
    {
        _prefixes.Tick();
        var entry = _ids.ClearOne();
        var restored = _ids.RestoreWhole(entry, swapped);
        _host.DropSwapped(sequence);
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
}
