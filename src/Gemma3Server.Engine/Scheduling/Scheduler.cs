using Gemma3Server.Engine.Caching;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>Decides who runs, and which rows of whom a step runs.</summary>
/// <remarks>
/// <para>Sequences run in order of arrival and none overtakes: a preempted one goes back to the front. The exception are those whose
/// beginning another is just computing: they step aside (<see cref="_aside"/>) until it is there, and come before all others then. Every sequence ends here, through
/// <see cref="Finish"/>, <see cref="Fail"/> or <see cref="RemoveCancelled"/>, and gives its id back at that moment.</para>
/// <para>Used by the engine loop alone, except for the counters.</para>
/// </remarks>
internal sealed class Scheduler
{
    private readonly KvCache _cache;
    private readonly LinkedList<Sequence> _waiting = new();
    private readonly List<Sequence> _aside = [];
    private readonly List<Sequence> _running = [];
    private readonly ChunkCut _cut;
    private readonly StepPlan _plan = new();
    private readonly int _microBatch;
    private readonly long _totalCells;
    private long _arrivals;
    private long _ended;
    private int _waitingCount;
    private int _runningCount;

    public Scheduler(KvCache cache, RuntimeLimits limits, EngineOptions options)
    {
        _cache = cache;
        _microBatch = limits.MicroBatchTokens;
        _totalCells = limits.TotalCells;
        _cut = new(cache, limits);
        // Decode rows never wait, so a step has room for all of them. By default they come on top of a whole micro batch of prefill: its
        // chunks then end where they would end alone, and the logits are the same to the bit.
        var step = options.StepTokens > 0 ? options.StepTokens : _microBatch + cache.Capacity;
        StepTokens = Math.Clamp(step, cache.Capacity, limits.MaxBatchTokens);
    }

    /// <summary>Most rows of a step.</summary>
    public int StepTokens { get; }

    /// <summary>Sequences that wait; readable from any thread.</summary>
    public int WaitingCount => Volatile.Read(ref _waitingCount);

    /// <summary>Sequences that hold an id; readable from any thread.</summary>
    public int RunningCount => Volatile.Read(ref _runningCount);

    /// <summary>Sequences that have ended so far; readable from any thread.</summary>
    public long Ended => Volatile.Read(ref _ended);

    /// <summary>Whether there is nothing to run.</summary>
    public bool IsIdle => _waiting.Count == 0 && _aside.Count == 0 && _running.Count == 0;

    /// <summary>The running sequences, in order of arrival.</summary>
    public List<Sequence> Running => _running;

    /// <summary>Takes a new sequence.</summary>
    public void Add(Sequence sequence)
    {
        sequence.Number = _arrivals++;
        sequence.State = SequenceState.Waiting;
        _waiting.AddLast(sequence);
        PublishCounts();
    }

    /// <summary>Plans the next step: admits, gives every decoding sequence its row, and what is left to prefill.</summary>
    public StepPlan Schedule()
    {
        Admit();
        _plan.Clear();
        foreach (var sequence in _running)
        {
            if (sequence.Pending == 1) _plan.Add(sequence, 1);
        }

        var first = true;
        var budget = StepTokens - _plan.Rows;
        foreach (var sequence in _running)
        {
            if (sequence.Pending == 1) continue;
            var count = _cut.Shorten(sequence, Chunk(sequence, StepTokens - _plan.Rows, first), budget);
            if (count > 0) _plan.Add(sequence, count);
            first = false;
        }

        return _plan;
    }

    /// <summary>Plans what one running sequence may run alone.</summary>
    public StepPlan ScheduleAlone(Sequence sequence)
    {
        _plan.Clear();
        _plan.Add(sequence, Chunk(sequence, StepTokens, first: true));
        return _plan;
    }

    /// <summary>
    /// Takes the id of the youngest running sequence away, for want of cells, and puts it in front of those who wait. Returns it, or
    /// <see langword="null"/> when only one is running: preempting that would not help.
    /// </summary>
    public Sequence? PreemptYoungest()
    {
        if (_running.Count < 2) return null;
        var youngest = _running[^1];
        _running.RemoveAt(_running.Count - 1);
        _cache.Drop(youngest);
        youngest.State = SequenceState.Preempted;
        var next = _waiting.First;
        while (next is not null && next.Value.Number < youngest.Number) next = next.Next; // whoever stepped aside and came back is older
        if (next is null) _waiting.AddLast(youngest);
        else _waiting.AddBefore(next, youngest);
        PublishCounts();
        return youngest;
    }

    /// <summary>Ends a sequence as it should; what it computed stays for others.</summary>
    public void Finish(Sequence sequence, FinishReason reason)
    {
        Remove(sequence, keep: true);
        sequence.Output.Finish(reason, sequence.Generated);
    }

    /// <summary>Ends a sequence with a failure; what it computed is not trusted.</summary>
    public void Fail(Sequence sequence, GenerationError error, string message)
    {
        Remove(sequence, keep: false);
        sequence.Output.Fail(error, message);
    }

    /// <summary>Ends a sequence that cannot go on even with all cells for itself.</summary>
    public void FailTooLong(Sequence sequence) => Fail(
        sequence,
        GenerationError.RuntimeFailed,
        $"The request needs more KV cells than this server has ({_totalCells}): it is {sequence.Count} tokens long.");

    /// <summary>
    /// Ends every sequence, with a failure or, if its client has gone, without a word. The runtime is left alone: it is about to be
    /// disposed, and may be the very thing that failed.
    /// </summary>
    public void Abandon(GenerationError error, string message)
    {
        foreach (var sequence in _running.Concat(_aside).Concat(_waiting))
        {
            sequence.State = SequenceState.Finished;
            sequence.Unbind();
            if (sequence.IsCancelled) sequence.Output.Close();
            else sequence.Output.Fail(error, message);
            Volatile.Write(ref _ended, _ended + 1);
        }

        _running.Clear();
        _aside.Clear();
        _waiting.Clear();
        PublishCounts();
    }

    /// <summary>Ends the sequences whose client has gone, and calls <paramref name="removed"/> for each.</summary>
    public void RemoveCancelled(Action<Sequence> removed)
    {
        for (var i = _running.Count - 1; i >= 0; i--)
        {
            if (_running[i].IsCancelled) Cancel(_running[i]);
        }

        for (var i = _aside.Count - 1; i >= 0; i--)
        {
            if (_aside[i].IsCancelled) Cancel(_aside[i]);
        }

        for (var node = _waiting.First; node is not null;)
        {
            var next = node.Next;
            if (node.Value.IsCancelled) Cancel(node.Value);
            node = next;
        }

        void Cancel(Sequence sequence)
        {
            Remove(sequence, keep: true);
            sequence.Output.Close();
            removed(sequence);
        }
    }

    /// <summary>Throws when a sequence is in two places, in none, out of order, or in disagreement with the cache.</summary>
    public void CheckIntegrity()
    {
        var sound = _running.Count <= _cache.Capacity && _waiting.Count + _aside.Count == WaitingCount && _running.Count == RunningCount
            && _running.TrueForAll(s => s.State == SequenceState.Running && s.Id >= 0 && s.Computed < s.Count)
            && _running.Select(s => s.Id).Distinct().Count() == _running.Count
            && _waiting.Concat(_aside).All(s => s.State is SequenceState.Waiting or SequenceState.Preempted && s.Id == Sequence.None && s.Computed == 0)
            && IsInOrder(_running) && IsInOrder(_aside) && IsInOrder(_waiting);

        if (!sound) throw new InvalidOperationException("Scheduler integrity: running and waiting sequences are inconsistent.");
        _cache.CheckIntegrity(_running);
    }

    private static bool IsInOrder(IEnumerable<Sequence> sequences) => sequences.Zip(sequences.Skip(1)).All(pair => pair.First.Number < pair.Second.Number);

    /// <summary>Puts a sequence where it belongs by its arrival.</summary>
    private static void Insert(List<Sequence> sequences, Sequence sequence)
    {
        var at = sequences.Count;
        while (at > 0 && sequences[at - 1].Number > sequence.Number) at--;
        sequences.Insert(at, sequence);
    }

    /// <summary>Gives ids to those who stepped aside, as far as their time has come, and then to those who wait, in order of arrival.</summary>
    private void Admit()
    {
        var full = false;
        for (var i = 0; i < _aside.Count && !full;)
        {
            var sequence = _aside[i];
            var answer = TryAdmit(sequence);
            full = answer == CacheAnswer.Full;
            if (answer == CacheAnswer.Acquired) _aside.RemoveAt(i);
            else i++;
        }

        while (!full && _waiting.First is { } node)
        {
            var sequence = node.Value;
            if (!_cache.CanEverFit(sequence))
            {
                FailTooLong(sequence);
                continue;
            }

            var answer = TryAdmit(sequence);
            full = answer == CacheAnswer.Full;
            if (full) break;
            _waiting.RemoveFirst();
            if (answer == CacheAnswer.Wait) Insert(_aside, sequence);
        }

        PublishCounts();
    }

    /// <summary>Gives an id to a sequence if there is one for it. One that runs alone is never held back: it fits, or fails clearly.</summary>
    private CacheAnswer TryAdmit(Sequence sequence)
    {
        if (_running.Count > 0 && !_cache.HasRoom(sequence, _running)) return CacheAnswer.Full;
        var answer = _cache.TryAcquire(sequence);
        if (answer != CacheAnswer.Acquired) return answer;
        if (!sequence.Output.Started) sequence.CachedTokens = Math.Min(sequence.Computed, sequence.PromptLength);
        sequence.State = SequenceState.Running;
        Insert(_running, sequence);
        return answer;
    }

    /// <summary>
    /// How many rows of a prompt to run. A chunk ends where the prompt does, or at a multiple of the micro batch counted from position 0,
    /// which makes logits independent of the load. Where the budget does not reach so far, the first in line takes what there is, lest it
    /// starve; the others wait for a better step.
    /// </summary>
    private int Chunk(Sequence sequence, int budget, bool first)
    {
        if (sequence.Pending <= budget) return sequence.Pending;
        if (budget <= 0) return 0;
        var end = sequence.Computed + budget;
        var aligned = (end - (end % _microBatch)) - sequence.Computed;
        // A boundary that leaves most of the budget unused would cost a whole step for a few rows.
        if (aligned > 0 && (aligned * 2 >= budget || !first)) return aligned;
        return first ? budget : 0;
    }

    private void Remove(Sequence sequence, bool keep)
    {
        if (!_running.Remove(sequence) && !_aside.Remove(sequence)) _waiting.Remove(sequence);
        if (sequence.Id != Sequence.None)
        {
            if (keep) _cache.Keep(sequence);
            else _cache.Drop(sequence);
        }

        sequence.State = SequenceState.Finished;
        sequence.Unbind();
        Volatile.Write(ref _ended, _ended + 1);
        PublishCounts();
    }

    private void PublishCounts()
    {
        Volatile.Write(ref _waitingCount, _waiting.Count + _aside.Count);
        Volatile.Write(ref _runningCount, _running.Count);
    }
}
