using Gemma3Server.Engine.Caching;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>Decides who runs; which rows of theirs a step runs is up to the <see cref="StepPlanner"/>.</summary>
/// <remarks>
/// <para>Sequences begin to run in the order of the <see cref="WaitingQueue"/>, and none overtakes the one whose turn it is. The exception are
/// those whose beginning another is just computing: when their turn comes they step aside (<see cref="_aside"/>) until it is there, and come
/// before all others then. Every sequence ends here, through <see cref="Finish"/>, <see cref="Fail"/>, <see cref="EndOverdue"/> or <see cref="RemoveCancelled"/>, and gives its id
/// back at that moment.</para>
/// <para>Used by the engine loop alone, except for the counters.</para>
/// </remarks>
internal sealed class Scheduler
{
    private readonly KvCache _cache;
    private readonly StepPlanner _planner;
    private readonly WaitingQueue _waiting = new();
    private readonly List<Sequence> _aside = [];
    private readonly List<Sequence> _running = [];
    private readonly List<Sequence> _leaving = [];
    private readonly long _totalCells;
    private long _earliestDeadline = long.MaxValue;
    private long _arrivals;
    private long _ended;
    private int _waitingCount;
    private int _runningCount;

    public Scheduler(KvCache cache, RuntimeLimits limits, EngineOptions options)
    {
        _cache = cache;
        _totalCells = limits.TotalCells;
        _planner = new(limits, options, cache.Capacity, new ChunkCut(cache, limits));
    }

    /// <summary>Most rows of a step.</summary>
    public int StepTokens => _planner.StepTokens;

    /// <inheritdoc cref="StepPlanner.RowLimit"/>
    public int RowLimit
    {
        get => _planner.RowLimit;
        set => _planner.RowLimit = value;
    }

    /// <summary>Sequences that may run at once while there is no memory for more; all ids otherwise.</summary>
    public int RunningLimit { get; set; } = int.MaxValue;

    /// <summary>Sequences that wait; readable from any thread.</summary>
    public int WaitingCount => Volatile.Read(ref _waitingCount);

    /// <summary>Sequences that hold an id; readable from any thread.</summary>
    public int RunningCount => Volatile.Read(ref _runningCount);

    /// <summary>Sequences that have ended so far; readable from any thread.</summary>
    public long Ended => Volatile.Read(ref _ended);

    /// <summary>Whether there is nothing to run.</summary>
    public bool IsIdle => _waiting.Count == 0 && _aside.Count == 0 && _running.Count == 0;

    /// <summary>The running sequences, in the order in which they began.</summary>
    public List<Sequence> Running => _running;

    /// <summary>Takes a new sequence.</summary>
    public void Add(Sequence sequence)
    {
        sequence.Number = _arrivals++;
        sequence.State = SequenceState.Waiting;
        _earliestDeadline = Math.Min(_earliestDeadline, sequence.Deadline);
        _waiting.Add(sequence);
        PublishCounts();
    }

    /// <summary>Admits whom it can, and plans the next step.</summary>
    public StepPlan Schedule()
    {
        Admit();
        _cache.Compact();
        return _planner.Plan(_running);
    }

    /// <summary>Plans what one running sequence may run alone.</summary>
    public StepPlan ScheduleAlone(Sequence sequence) => _planner.PlanAlone(sequence);

    /// <summary>Learns how long a step took, without what its drafts added.</summary>
    public void Observe(StepPlan plan, TimeSpan elapsed)
    {
        _planner.Observe(plan, elapsed);
        _cache.ObserveStep(plan.DecodeRows, plan.PrefillRows, elapsed);
    }

    /// <summary>
    /// Takes the id of one running sequence away, for want of cells or of memory, and puts it in front of those of its class who wait. It is of the worst
    /// class, and of these the youngest; whoever had to give way before counts as one class better each time, so that nobody
    /// starts again for ever. Returns it, or <see langword="null"/> when only one is running: preempting that would not help.
    /// </summary>
    /// <param name="keepState">Whether what it computed may go to host memory.</param>
    public Sequence? Preempt(bool keepState = true)
    {
        if (_running.Count < 2) return null;
        var victim = _running[0];
        foreach (var sequence in _running)
        {
            var (rank, least) = (Rank(sequence), Rank(victim));
            if (rank > least || (rank == least && sequence.Number > victim.Number)) victim = sequence;
        }

        _running.Remove(victim);
        if (keepState) _cache.SwapOut(victim);
        else _cache.Drop(victim);
        victim.State = SequenceState.Preempted;
        victim.Preemptions++;
        _waiting.AddPreempted(victim);
        PublishCounts();
        return victim;

        static int Rank(Sequence sequence) => Math.Max(0, (int)sequence.Request.Priority - sequence.Preemptions);
    }

    /// <summary>Ends the sequences whose time is up: with what they have if they have begun to answer, else with a failure.</summary>
    public void EndOverdue(long now, Action<Sequence> ended)
    {
        if (now < _earliestDeadline) return;
        _earliestDeadline = long.MaxValue;
        foreach (var sequence in All())
        {
            // Who has left already is ended as such, without a word.
            if (sequence.Deadline > now || sequence.IsCancelled) _earliestDeadline = Math.Min(_earliestDeadline, sequence.Deadline);
            else EndLate(sequence, ended);
        }
    }

    /// <summary>Ends a sequence as it should; what it computed stays for others.</summary>
    public void Finish(Sequence sequence, FinishReason reason)
    {
        Remove(sequence, keep: true);
        sequence.Output.Finish(reason, sequence.Generated, sequence.Draft);
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
        GenerationError.OutOfMemory,
        $"The request needs more KV cells than this server has ({_totalCells}): it is {sequence.Count} tokens long.");

    /// <summary>
    /// Ends every sequence, with a failure or, if its client has gone, without a word. Cache and runtime are left alone: they are about to be
    /// disposed, or the runtime is the very thing that failed, and this may be another thread than the loop's.
    /// </summary>
    public void Abandon(GenerationError error, string message)
    {
        foreach (var sequence in All())
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
        foreach (var sequence in All())
        {
            if (!sequence.IsCancelled) continue;
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
            && _running.TrueForAll(s => s.Swapped is null)
            && _aside.TrueForAll(s => s.State is SequenceState.Waiting or SequenceState.Preempted && s.Id == Sequence.None && s.Computed == 0)
            && All().Select(s => s.Number).Distinct().Count() == _running.Count + _aside.Count + _waiting.Count
            && All().TrueForAll(s => s.Deadline >= _earliestDeadline);
        if (!sound) throw new InvalidOperationException("Scheduler integrity: running and waiting sequences are inconsistent.");
        _waiting.CheckIntegrity([.. _running, .. _aside]);
        List<Sequence> waiting = [.. _aside];
        _waiting.CopyTo(waiting);
        _cache.CheckIntegrity(_running, waiting);
    }

    /// <summary>Gives ids to those who stepped aside, as far as their time has come, and then to those whose turn it is.</summary>
    private void Admit()
    {
        var full = false;
        for (var i = 0; i < _aside.Count && !full;)
        {
            var answer = TryAdmit(_aside[i]);
            full = answer == CacheAnswer.Full;
            if (answer != CacheAnswer.Acquired)
            {
                i++;
                continue;
            }

            _aside[i].State = SequenceState.Running;
            _aside.RemoveAt(i);
        }

        while (!full && _waiting.Peek() is { } sequence)
        {
            if (!_cache.CanEverFit(sequence))
            {
                FailTooLong(sequence);
                continue;
            }

            var answer = TryAdmit(sequence);
            // No more step aside than can have an id when their time comes, lest they precede better classes and other clients afterwards.
            full = answer == CacheAnswer.Full || (answer == CacheAnswer.Wait && _running.Count + _aside.Count >= _cache.Capacity);
            if (full) break;
            _waiting.Take(sequence);
            if (answer == CacheAnswer.Wait) _aside.Add(sequence);
            else sequence.State = SequenceState.Running;
        }

        _waiting.PublishPositions();
        PublishCounts();
    }

    /// <summary>Gives an id to a sequence if there is one for it. One that runs alone is never held back: it fits, or fails clearly.</summary>
    private CacheAnswer TryAdmit(Sequence sequence)
    {
        if (_running.Count > 0 && (_running.Count >= RunningLimit || !_cache.HasRoom(sequence, _running))) return CacheAnswer.Full;
        var answer = _cache.TryAcquire(sequence);
        if (answer != CacheAnswer.Acquired) return answer;
        _running.Add(sequence);
        return answer;
    }

    private void EndLate(Sequence sequence, Action<Sequence> ended)
    {
        if (sequence.Output.Started) Finish(sequence, FinishReason.Deadline);
        else FailLate(sequence);
        ended(sequence);
    }

    private void FailLate(Sequence sequence)
    {
        var message = sequence.State == SequenceState.Running
            ? $"The request's time was up after {sequence.Computed} of {sequence.PromptLength} prompt tokens were computed."
            : "The request's time was up while it waited in the queue.";
        Remove(sequence, keep: true);
        sequence.Output.Fail(GenerationError.DeadlineExceeded, message);
    }

    /// <summary>A copy of all sequences, so that they can be ended one by one; valid until the next call.</summary>
    private List<Sequence> All()
    {
        _leaving.Clear();
        _leaving.AddRange(_running);
        _leaving.AddRange(_aside);
        _waiting.CopyTo(_leaving);
        return _leaving;
    }

    private void Remove(Sequence sequence, bool keep)
    {
        if (!_running.Remove(sequence)) _aside.Remove(sequence);
        _waiting.End(sequence);
        if (sequence.Id != Sequence.None)
        {
            if (keep) _cache.Keep(sequence);
            else _cache.Drop(sequence);
        }

        _cache.DropSwapped(sequence);

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
