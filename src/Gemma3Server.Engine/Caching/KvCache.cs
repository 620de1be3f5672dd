using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>
/// Owns the runtime's sequence ids and cells. What a finished sequence computed stays in its id; a new sequence that begins with the same
/// tokens takes that id over and computes only the rest.
/// </summary>
/// <remarks>
/// <para>The only caller of Rewind, TryFork, Snapshot, Restore and Release. Used by the engine loop alone.</para>
/// <para>The scheduler sees one answer, the length that is already there (<see cref="TryAcquire"/>), and two ways to give an id back.
/// A prefix cache over a tree replaces <see cref="FindPrefix"/> and <see cref="Reuse"/> and nothing else.</para>
/// </remarks>
internal sealed class KvCache
{
    /// <summary>Least reuse that is worth an idle entry: every chat shares a few tokens of template.</summary>
    private const int MinimumReuse = 16;

    /// <summary>
    /// While another id can be had, an entry is taken only when it does not throw away more than this many times the tokens it saves: a
    /// short shared system text shall not cost somebody else's long conversation.
    /// </summary>
    private const int LossLimit = 4;

    private readonly IModelRuntime _runtime;
    private readonly EngineOptions _options;
    private readonly CacheEntry[] _entries;
    private long _clock;

    public KvCache(IModelRuntime runtime, EngineOptions options)
    {
        _runtime = runtime;
        _options = options;
        // Every running sequence has a row in every step, so more than a batch of them cannot run.
        _entries = new CacheEntry[Math.Min(runtime.Limits.MaxSequences, runtime.Limits.MaxBatchTokens)];
        for (var id = 0; id < _entries.Length; id++) _entries[id] = new(id);
    }

    /// <summary>Sequences that can run at once.</summary>
    public int Capacity => _entries.Length;

    /// <summary>Bytes of all checkpoints.</summary>
    public long CheckpointBytes { get; private set; }

    /// <summary>Whether a sequence would fit if it were alone.</summary>
    public bool CanEverFit(Sequence sequence) => !_runtime.Limits.SharedCells || sequence.Count <= _runtime.Limits.TotalCells;

    /// <summary>
    /// Whether the tokens that are known today fit into the cells: those of the running sequences, the newcomer's and one more each.
    /// Idle entries do not count, they give way.
    /// </summary>
    public bool HasRoom(Sequence newcomer, List<Sequence> running)
    {
        if (!_runtime.Limits.SharedCells) return true;
        long cells = newcomer.Count + 1;
        foreach (var sequence in running) cells += sequence.Count + 1;
        return cells <= _runtime.Limits.TotalCells;
    }

    /// <summary>
    /// Gives a sequence an id and notes how much of it is already computed there; at least one token is always left to compute, for its
    /// logits. False when every id is in use.
    /// </summary>
    public bool TryAcquire(Sequence sequence)
    {
        var (entry, length) = FindPrefix(sequence);
        var reused = entry is null ? 0 : Reuse(entry, length);
        if (reused == 0)
        {
            entry = IdPlacement.Choose(_entries);
            if (entry is null) return false;
            Empty(entry);
        }

        entry!.InUse = true;
        entry.Forget();
        SetCheckpoint(entry, null);
        sequence.Id = entry.Id;
        sequence.Computed = reused;
        return true;
    }

    /// <summary>Takes a sequence's id back and keeps what it computed for others to continue on.</summary>
    public void Keep(Sequence sequence)
    {
        var entry = _entries[sequence.Id];
        if (_options.PrefixReuse && sequence.Computed > 0)
        {
            entry.Keep(sequence.Tokens[..sequence.Computed], ++_clock);
            if (sequence.Computed > KeptWhole) entry.Floor = Math.Max(entry.Floor, sequence.Computed - Slack + 1);
            entry.InUse = false;
        }
        else
        {
            Empty(entry);
        }

        Detach(sequence);
    }

    /// <summary>Takes a sequence's id back and drops what it computed.</summary>
    public void Drop(Sequence sequence)
    {
        Empty(_entries[sequence.Id]);
        Detach(sequence);
    }

    /// <summary>Drops the idle entry that was used least recently; false when there is none.</summary>
    public bool TryEvict()
    {
        if (LeastRecentlyUsed() is not { } entry) return false;
        Empty(entry);
        return true;
    }

    /// <summary>
    /// After a failed forward: brings a running sequence and the runtime back to the same length, from which the next step goes on. The last
    /// token is always left to compute, for its logits were lost.
    /// </summary>
    public void Reconcile(Sequence sequence)
    {
        var held = _runtime.Length(sequence.Id);
        if (held < sequence.Computed || held > sequence.Count)
        {
            _runtime.Release(sequence.Id);
            sequence.Computed = 0;
        }
        else
        {
            sequence.Computed = held == sequence.Count ? _runtime.Rewind(sequence.Id, held - 1) : held;
        }

        if (sequence.Computed == 0) NoteEmpty(_entries[sequence.Id]);
    }

    /// <summary>
    /// Takes a checkpoint of a sequence that has just begun to answer, so that the same prompt can be answered again however long this
    /// answer becomes. It is called once per step and sequence, after the tokens of the step went out, and acts once: when exactly the
    /// prompt is computed, since a checkpoint cannot be cut back by more than a token. An answer that must stay so short that a rewind undoes
    /// it does not pay for one; neither does a prompt that is cheap to compute anew.
    /// </summary>
    public void Checkpoint(Sequence sequence)
    {
        var window = _runtime.Model.SlidingWindow;
        if (window == 0 || !_options.PrefixReuse || _options.CheckpointBytes == 0) return;
        if (sequence.Generated != 1 || sequence.Computed != sequence.PromptLength) return;
        if (sequence.PromptLength <= window || sequence.Generated + sequence.Remaining < Slack) return;
        while (CheckpointBytes + LargestCheckpoint() > _options.CheckpointBytes)
        {
            // An older conversation gives its checkpoint up first; those of running sequences stay.
            if (LeastRecentlyUsed(static e => e.Checkpoint is not null) is not { } oldest) return;
            SetCheckpoint(oldest, null);
        }

        var snapshot = _runtime.Snapshot(sequence.Id, SnapshotScope.SlidingWindow);
        if (snapshot is not null && CheckpointBytes + snapshot.Data.Length <= _options.CheckpointBytes)
        {
            SetCheckpoint(_entries[sequence.Id], snapshot);
        }
    }

    /// <summary>Throws when the cache, the runtime and the running sequences disagree.</summary>
    public void CheckIntegrity(List<Sequence> running)
    {
        var inUse = 0;
        long bytes = 0;
        foreach (var entry in _entries)
        {
            bytes += entry.Checkpoint?.Data.Length ?? 0;
            if (entry.InUse) inUse++;
            else Assert(_runtime.Length(entry.Id) == entry.Tokens.Length, $"id {entry.Id} holds what its tokens say");
            if (!entry.InUse) Assert(entry.Floor <= entry.Tokens.Length, $"id {entry.Id} can be rewound to its own length");
            if (entry.InUse) Assert(entry.Tokens.IsEmpty, $"id {entry.Id} is either in use or idle");
        }

        Assert(inUse == running.Count, "one id in use per running sequence");
        Assert(bytes == CheckpointBytes, "checkpoint bytes add up");
        foreach (var sequence in running)
        {
            Assert(_entries[sequence.Id].InUse, $"sequence {sequence.Number} holds id {sequence.Id}");
            Assert(_runtime.Length(sequence.Id) == sequence.Computed, $"id {sequence.Id} holds what sequence {sequence.Number} computed");
        }
    }

    private static void Assert(bool condition, string rule)
    {
        if (!condition) throw new InvalidOperationException($"KV cache integrity: violated rule: {rule}.");
    }

    // Positions that a sliding-window layer keeps beyond its window, so that a rewind by fewer is exact.
    private int Slack => _runtime.Limits.MicroBatchTokens;

    // Length up to which no local layer has lost anything: their cells are the window and a micro batch. Where all sequences share cells,
    // those out of the window may go to others at any time.
    private int KeptWhole => _runtime.Model.SlidingWindow == 0
        ? int.MaxValue
        : _runtime.Model.SlidingWindow + (_runtime.Limits.SharedCells ? 0 : Slack);

    /// <summary>The idle entry from which most can be reused, and how much; of equal ones that which was used least recently.</summary>
    private (CacheEntry? Entry, int Length) FindPrefix(Sequence sequence)
    {
        CacheEntry? best = null;
        var most = 0;
        if (!_options.PrefixReuse || !sequence.Request.ReusePrefix) return (best, most);
        var hasChoice = _entries.Count(static e => !e.InUse) > 1;
        var wanted = sequence.Tokens[..^1];
        foreach (var entry in _entries)
        {
            if (!entry.IsIdle) continue;
            var length = entry.Reusable(wanted.CommonPrefixLength(entry.Tokens));
            if (length < MinimumReuse || length < most) continue;
            if (hasChoice && entry.Tokens.Length - length > (long)LossLimit * length) continue;
            if (length == most && entry.LastUsed > best!.LastUsed) continue;
            best = entry;
            most = length;
        }

        return (best, most);
    }

    /// <summary>Cuts an idle entry back to <paramref name="length"/> and returns what is really left, at worst nothing.</summary>
    private int Reuse(CacheEntry entry, int length)
    {
        if (length < entry.Floor)
        {
            var checkpoint = entry.Checkpoint!;
            if (_runtime.Restore(entry.Id, checkpoint)) entry.Floor = checkpoint.Length - 1;
            else length = 0;
        }

        if (length > 0) length = _runtime.Rewind(entry.Id, length);
        if (length == 0) Empty(entry);
        return length;
    }

    private CacheEntry? LeastRecentlyUsed(Func<CacheEntry, bool>? where = null)
    {
        CacheEntry? oldest = null;
        foreach (var entry in _entries)
        {
            if (!entry.IsIdle || (where is not null && !where(entry))) continue;
            if (oldest is null || entry.LastUsed < oldest.LastUsed) oldest = entry;
        }

        return oldest;
    }

    private void Empty(CacheEntry entry)
    {
        _runtime.Release(entry.Id);
        entry.Forget();
        entry.InUse = false;
        NoteEmpty(entry);
    }

    private void NoteEmpty(CacheEntry entry)
    {
        entry.Floor = 0;
        SetCheckpoint(entry, null);
    }

    private static void Detach(Sequence sequence)
    {
        sequence.Id = Sequence.None;
        sequence.Computed = 0;
    }

    private void SetCheckpoint(CacheEntry entry, SequenceSnapshot? checkpoint)
    {
        CheckpointBytes += (checkpoint?.Data.Length ?? 0) - (entry.Checkpoint?.Data.Length ?? 0);
        entry.Checkpoint = checkpoint;
    }

    private int LargestCheckpoint()
    {
        var largest = 0;
        foreach (var entry in _entries) largest = Math.Max(largest, entry.Checkpoint?.Data.Length ?? 0);
        return largest;
    }
}
