using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Structured;

/// <summary>
/// Computes the masks of the next tokens while the model computes their logits: where each sequence stands is known before the step. A work
/// item of the thread pool that is made once and queued again and again.
/// </summary>
/// <remarks>
/// Nobody waits for it. What it has not begun when the logits are there, and turns out to be needed, the sampler computes; what it is at, the
/// sampler waits for.
/// </remarks>
internal sealed class MaskPreparation : IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private readonly Queue<(Grammar Grammar, GrammarState State)> _waiting = new();
    private bool _running;

    /// <summary>Queues the states of the sequences that will be sampled in this step, unless their masks are known.</summary>
    public void Begin(StepPlan plan)
    {
        foreach (var entry in plan.Entries)
        {
            if (!entry.WantLogits || entry.Sequence.Matcher is not { } matcher || matcher.KnownMask is not null) continue;
            lock (_lock)
            {
                _waiting.Enqueue((matcher.Grammar, matcher.State));
                if (_running) continue;
                _running = true;
            }

            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Gives up what has not been begun: the step is over.</summary>
    public void End()
    {
        lock (_lock) _waiting.Clear();
    }

    void IThreadPoolWorkItem.Execute()
    {
        while (true)
        {
            (Grammar Grammar, GrammarState State) next;
            lock (_lock)
            {
                if (!_waiting.TryDequeue(out next))
                {
                    _running = false;
                    return;
                }
            }

            try
            {
                next.Grammar.Mask(next.State);
            }
            catch (Exception)
            {
                // On a thread of the pool it would end the process; the sampler will meet it again.
            }
        }
    }
}
