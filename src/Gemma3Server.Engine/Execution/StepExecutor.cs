using System.Text;
using Gemma3Server.Engine.Caching;
using Gemma3Server.Engine.Diagnostics;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Speculation;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Runtime;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Engine.Execution;

/// <summary>Runs one step: plan, forward, sample, and what the new tokens mean for each sequence.</summary>
/// <remarks>
/// Used by the engine loop alone. A step:
/// <list type="number">
/// <item>whoever's time is up ends, the scheduler plans the step, and where it pays drafts of further tokens are added to it;</item>
/// <item>the model runs the rows; where cells are missing, drafts, idle entries and then a sequence give way, and where memory is missing what
/// <see cref="MemoryYield"/> finds;</item>
/// <item>the rows that ended at a sequence's last token are sampled, and those of its draft as far as it held; where there is a grammar, under
/// masks that were made while the model ran;</item>
/// <item>each of these sequences takes its tokens and those that its grammar forces behind them, posts them to its reader, who makes text of them, and may end.</item>
/// </list>
/// A forward call that fails is repeated once, by the next step. Should that fail too, each of its sequences runs alone, so that only those
/// fail that cannot run. Once the engine shall not wait for running requests any more, what a forward call yields is left alone: the call
/// may have been interrupted, and the sequences may be in other hands already.
/// </remarks>
internal sealed class StepExecutor(
    IModelRuntime runtime, Scheduler scheduler, KvCache cache, Speculator speculator, EngineLifecycle lifecycle, EngineMetrics metrics,
    TimeProvider timeProvider, ILogger logger)
{
    /// <summary>Weight of the newest step in the running mean of step times.</summary>
    private const double Newest = 0.1;

    private readonly ModelRunner _runner = new(runtime);
    private readonly MaskPreparation _masks = new();
    private readonly BatchSampler _sampler = new(runtime.Limits.MaxSequences);
    private readonly MemoryYield _memory = new(scheduler, cache);
    private readonly List<Sequence> _suspects = [];
    private readonly Action<Sequence> _onOverdue = sequence => logger.Overdue(sequence.Request.Id, sequence.Generated);
    private bool _retrying;
    private double _stepSeconds;
    private double _secondsToNextEnd;
    private double _secondsPerEnd;
    private double _secondsSinceEnd;
    private long _ended;

    /// <summary>How long, at the present pace, until the first running sequence must end; readable from any thread.</summary>
    public TimeSpan TimeToNextEnd => TimeSpan.FromSeconds(Volatile.Read(ref _secondsToNextEnd));

    /// <summary>How long it has lately taken from one end of a request to the next, idle time aside; 0 = not known yet. Readable from any thread.</summary>
    public TimeSpan TimePerEnd => TimeSpan.FromSeconds(Volatile.Read(ref _secondsPerEnd));

    /// <summary>Runs a step; the scheduler must not be idle.</summary>
    public void Step()
    {
        var began = timeProvider.GetTimestamp();

        // 1. Plan.
        scheduler.EndOverdue(began, _onOverdue);
        var plan = scheduler.Schedule();
        if (plan.Rows == 0) return; // everyone who waited was too long, or too late
        if (!_memory.IsShort) speculator.Extend(plan);

        // 2. Forward.
        _masks.Begin(plan);
        var status = Forward(plan);
        _masks.End();
        if (lifecycle.AbortRequested) return;
        switch (status)
        {
            case ForwardStatus.Ok:
                _retrying = false;
                _memory.Succeeded();
                Complete(plan); // 3. and 4.
                var elapsed = timeProvider.GetElapsedTime(began);
                scheduler.Observe(plan, elapsed - speculator.Extra(plan));
                speculator.Observe(plan, elapsed);
                break;
            case ForwardStatus.NoSpace:
                MakeRoom();
                break;
            case ForwardStatus.OutOfMemory:
                logger.ForwardFailed(plan.Rows, status);
                GiveWay(plan);
                break;
            default:
                logger.ForwardFailed(plan.Rows, status);
                Recover(plan);
                break;
        }

        Estimate(timeProvider.GetElapsedTime(began));
    }

    private ForwardStatus Forward(StepPlan plan)
    {
        metrics.Step();
        var status = _runner.Run(plan);
        if (status == ForwardStatus.NoSpace && plan.DraftRows > 0 && !lifecycle.AbortRequested)
        {
            plan.DropDrafts();
            status = _runner.Run(plan);
        }

        while (status == ForwardStatus.NoSpace && !lifecycle.AbortRequested && cache.TryEvict()) status = _runner.Run(plan);
        return status;
    }

    private void MakeRoom()
    {
        if (scheduler.Preempt() is { } preempted)
        {
            NotePreempted(preempted);
        }
        else
        {
            logger.Failed(scheduler.Running[0].Request.Id, "too long for the KV cells");
            scheduler.FailTooLong(scheduler.Running[0]);
        }
    }

    private void NotePreempted(Sequence preempted)
    {
        var swapped = preempted.Swapped is { } snapshot ? snapshot.Data.Length : 0;
        metrics.Preempted(swapped > 0);
        logger.Preempted(preempted.Request.Id, preempted.Generated, swapped >> 10);
    }

    /// <summary>After a step for which there was no memory: whatever gives way makes the next step a smaller one. Nobody fails before all has given way.</summary>
    private void GiveWay(StepPlan plan)
    {
        var rows = plan.Rows;
        Reconcile(plan);
        switch (_memory.GiveWay(rows, out var preempted))
        {
            case Concession.Cache:
                logger.MemoryShed();
                break;
            case Concession.Rows:
                logger.MemoryRows(scheduler.RowLimit);
                break;
            case Concession.Sequence:
                NotePreempted(preempted!);
                break;
            case Concession.Time:
                break;
            default:
                // It runs alone, in the smallest step there is.
                var last = _suspects[0];
                logger.Failed(last.Request.Id, "out of memory");
                scheduler.Fail(last, GenerationError.OutOfMemory, "There is no memory left to compute this request.");
                break;
        }
    }

    private void Reconcile(StepPlan plan)
    {
        _suspects.Clear();
        foreach (var entry in plan.Entries)
        {
            cache.Reconcile(entry.Sequence);
            _suspects.Add(entry.Sequence);
        }
    }

    private void Recover(StepPlan plan)
    {
        Reconcile(plan);
        _retrying = !_retrying;
        if (_retrying) return;

        foreach (var sequence in _suspects)
        {
            var alone = scheduler.ScheduleAlone(sequence);
            var status = Forward(alone);
            if (lifecycle.AbortRequested) return;
            if (status == ForwardStatus.Ok) Complete(alone);
            else if (status == ForwardStatus.OutOfMemory) cache.Reconcile(sequence); // the next step finds the same, and makes room
            else if (status != ForwardStatus.NoSpace) Fail(sequence, $"The model could not compute this request ({status}).");
        }
    }

    private void Complete(StepPlan plan)
    {
        // 3. Sample.
        _sampler.Sample(plan, _runner);
        var now = timeProvider.GetTimestamp();

        // 4. Complete.
        var entries = plan.Entries;
        for (var e = 0; e < entries.Length; e++)
        {
            var (sequence, start, count, wantLogits) = entries[e];
            sequence.Computed += count;
            metrics.PromptTokens(Math.Clamp(sequence.PromptLength - start, 0, count));
            if (wantLogits) Accept(sequence, e, entries[e].Drafts, now);
        }

        // After all tokens went out: a checkpoint takes time.
        foreach (var entry in entries)
        {
            if (entry.Sequence.State == SequenceState.Running) cache.Checkpoint(entry.Sequence);
        }
    }

    private void Accept(Sequence sequence, int entry, int drafts, long now)
    {
        FinishReason? end = null;
        var tokens = _sampler.Tokens(entry);
        var logProbs = _sampler.LogProbs(entry);
        var taken = 0;
        while (taken < tokens.Length && end is null)
        {
            if (tokens[taken] == Sampler.NoToken)
            {
                Fail(sequence, sequence.Matcher is null
                    ? "The model produced logits that are not numbers."
                    : "The model produced logits that are not numbers, or has no token that fits the grammar.");
                return;
            }

            if (taken > 0) sequence.Computed++; // the row of the draft's token was the right one
            end = Accept(sequence, tokens[taken], logProbs[taken++], now);
        }

        if (drafts > 0)
        {
            var held = Math.Min(taken, tokens.Length - 1);
            speculator.Verified(sequence, held);
            metrics.Drafted(drafts, held);
            cache.TakeBack(sequence);
        }

        if ((end ?? AppendForced(sequence)) is not { } reason) return;
        scheduler.Finish(sequence, reason);
        logger.Finished(sequence.Request.Id, sequence.Generated, reason);
    }

    private FinishReason? Accept(Sequence sequence, int token, TokenLogProbs? logProbs, long now)
    {
        if (!sequence.Output.Started)
        {
            sequence.Output.Start(sequence.PromptLength, sequence.CachedTokens, sequence.CacheExplanation);
            metrics.CachedTokens(sequence.CachedTokens);
            logger.Started(sequence.Request.Id, sequence.CachedTokens, sequence.PromptLength);
        }

        if (sequence.LastTokenAt == 0) metrics.TimeToFirstToken(timeProvider.GetElapsedTime(sequence.ArrivedAt, now));
        else metrics.InterTokenTime(timeProvider.GetElapsedTime(sequence.LastTokenAt, now));
        sequence.LastTokenAt = now;
        metrics.Token();

        return TakeToken(sequence, token, logProbs);
    }

    /// <summary>Appends the tokens that a grammar leaves no choice about: they are run with the next step, and cost no step of their own.</summary>
    private FinishReason? AppendForced(Sequence sequence)
    {
        while (sequence.Forced is [var token, ..])
        {
            metrics.Token();
            if (TakeToken(sequence, token, null) is { } end) return end;
        }

        return null;
    }

    private FinishReason? TakeToken(Sequence sequence, int token, TokenLogProbs? logProbs)
    {
        if (sequence.Accept(token, logProbs) is { } end) return end;
        if (logger.IsEnabled(LogLevel.Trace)) logger.Token(sequence.Request.Id, token, Encoding.UTF8.GetString(runtime.Tokenizer.Piece(token).Span));
        return null;
    }

    private void Fail(Sequence sequence, string message)
    {
        logger.Failed(sequence.Request.Id, message);
        scheduler.Fail(sequence, GenerationError.RuntimeFailed, message);
    }

    private void Estimate(TimeSpan step)
    {
        _stepSeconds = FadingMean.With(_stepSeconds, step.TotalSeconds, Newest);
        var remaining = int.MaxValue;
        foreach (var sequence in scheduler.Running) remaining = Math.Min(remaining, sequence.Remaining);
        Volatile.Write(ref _secondsToNextEnd, remaining == int.MaxValue ? 0 : remaining * _stepSeconds);

        _secondsSinceEnd += step.TotalSeconds;
        var ends = scheduler.Ended - _ended;
        if (ends == 0) return;
        var perEnd = _secondsSinceEnd / ends;
        Volatile.Write(ref _secondsPerEnd, FadingMean.With(_secondsPerEnd, perEnd, Newest));
        (_ended, _secondsSinceEnd) = (scheduler.Ended, 0);
    }
}
