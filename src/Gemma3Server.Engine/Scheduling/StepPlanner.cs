using System.Runtime.InteropServices;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Scheduling;

/// <summary>Decides which rows of which running sequences a step runs.</summary>
/// <remarks>
/// <para>Every decoding sequence has its row in every step; prefill gets what the <see cref="StepBudget"/> grants. Sequences that prefill take
/// turns at the head of that budget: in one step whoever has been running longest, in the next the best class and in it the shortest
/// rest; what the head leaves goes to the others in the latter order. So a short prompt waits for one step behind a long one and then
/// has half of the prefill at least; and nobody starves, because everyone comes to run longest and then has the other half. Turns rather than
/// two parts of each step: the native library computes sequences of unlike row counts in passes of their own, and each pass reads all
/// weights.</para>
/// <para>A deterministic sequence runs in steps of its own, by turns with all others: rounding depends on what is computed together.</para>
/// </remarks>
internal sealed class StepPlanner
{
    private readonly StepPlan _plan = new();
    private readonly List<Sequence> _prefilling = [];
    private readonly StepBudget? _budget;
    private readonly ChunkCut? _cut;
    private readonly RuntimeLimits _limits;
    private readonly int _leastChunk;
    private readonly int _prefillAlone;
    private long _steps;
    private bool _shortestLeads;
    private bool _lastWasAlone;

    public StepPlanner(RuntimeLimits limits, EngineOptions options, int capacity, ChunkCut? cut = null)
    {
        _cut = cut;
        _limits = limits;
        // Decode rows never wait, so a step has room for all of them; by default they come on top of a whole micro batch of prefill.
        var step = options.StepTokens > 0 ? options.StepTokens : limits.MicroBatchTokens + capacity;
        StepTokens = Math.Clamp(step, capacity, limits.MaxBatchTokens);
        _prefillAlone = options.StepTokens > 0 ? StepTokens : Math.Min(StepTokens, limits.MicroBatchTokens);
        _leastChunk = Math.Min(Math.Max(StepBudget.LeastChunk, limits.PrefillTile), _prefillAlone);
        if (options.AdaptiveBudget) _budget = new(options, _prefillAlone, capacity, limits.PrefillTile);
    }

    /// <summary>Most rows of a step.</summary>
    public int StepTokens { get; }

    /// <summary>
    /// Rows of a step while there is no memory for more; <see cref="StepTokens"/> otherwise. Rows that decode, one for everyone, and the fixed
    /// chunks of deterministic sequences are not cut.
    /// </summary>
    public int RowLimit
    {
        get => Math.Min(field, StepTokens);
        set;
    } = int.MaxValue;

    /// <summary>Plans the next step.</summary>
    public StepPlan Plan(List<Sequence> running)
    {
        _plan.Clear();
        _steps++;
        if (ChooseAlone(running) is { } alone) return PlanAlone(alone);
        _lastWasAlone = false;

        _prefilling.Clear();
        var spare = RowLimit - running.Count; // behind a row for everyone
        foreach (var sequence in running)
        {
            if (sequence.Request.Deterministic) continue;
            if (!IsDecoding(sequence))
            {
                Insert(sequence);
                continue;
            }

            var count = sequence.Pending <= spare && Pays(sequence.Pending, running.Count) ? sequence.Pending : 1;
            _plan.Add(sequence, count);
            spare -= count - 1;
        }

        if (_prefilling.Count > 0) PlanPrefill(running);
        else _budget?.NobodyWaits();
        return _plan;
    }

    /// <summary>Plans what one running sequence may run alone.</summary>
    public StepPlan PlanAlone(Sequence sequence)
    {
        _plan.Clear();
        var deterministic = sequence.Request.Deterministic;
        if (deterministic) (sequence.LastStep, _lastWasAlone) = (_steps, true);
        _plan.Add(sequence, deterministic ? FixedChunk(sequence) : Chunk(sequence, RowLimit, leads: true));
        return _plan;
    }

    /// <summary>Learns how long the plan took, without what its drafts added.</summary>
    public void Observe(StepPlan plan, TimeSpan elapsed)
    {
        // Steps of one deterministic sequence are no sample of those that are measured out; neither is a decode step with drafts.
        if (_budget is null || _lastWasAlone || (plan.PrefillRows == 0 && plan.DraftRows > 0)) return;
        _budget.Observe(plan.DecodeRows, plan.PrefillRows, elapsed);
    }

    /// <summary>The deterministic sequence whose turn it is, the one that has waited longest; none when it is the others' turn.</summary>
    private Sequence? ChooseAlone(List<Sequence> running)
    {
        Sequence? chosen = null;
        var others = false;
        foreach (var sequence in running)
        {
            if (!sequence.Request.Deterministic) others = true;
            else if (chosen is null || sequence.LastStep < chosen.LastStep) chosen = sequence;
        }

        return others && _lastWasAlone ? null : chosen;
    }

    /// <summary>Whether a sequence waits for nothing but its next token; the rows before may be a few tokens that its grammar has forced.</summary>
    private static bool IsDecoding(Sequence sequence) =>
        sequence.Pending == 1 || (sequence.Generated > 0 && sequence.Pending <= StepBudget.LeastChunk);

    /// <summary>
    /// Whether to run forced tokens all at once. Where each sequence has its own cells they take a pass of their own, which costs up to a
    /// step, and so a token for everyone: it pays for a run that is longer than there are streams. Otherwise they go one a step, without logits.
    /// </summary>
    private bool Pays(int rows, int streams) => _limits.SharedCells || rows > streams;

    /// <summary>Keeps those that prefill in order: best class, shortest rest, longest running.</summary>
    private void Insert(Sequence sequence)
    {
        var at = _prefilling.Count;
        while (at > 0 && IsBefore(sequence, _prefilling[at - 1])) at--;
        _prefilling.Insert(at, sequence);
    }

    private static bool IsBefore(Sequence left, Sequence right) => left.Request.Priority == right.Request.Priority
        ? left.Pending < right.Pending
        : left.Request.Priority < right.Request.Priority;

    private void PlanPrefill(List<Sequence> running)
    {
        if (_prefilling.Count > 1 && !_shortestLeads) Promote(running);
        var room = Math.Max(1, RowLimit - _plan.Rows);
        var left = Math.Min(room, _budget?.Rows(_plan.Entries.Length, _prefilling[0].Pending, room) ?? StepTokens);
        if (left == 0) return;
        if (_prefilling.Count > 1) _shortestLeads = !_shortestLeads;

        var leads = true;
        foreach (var sequence in CollectionsMarshal.AsSpan(_prefilling))
        {
            var count = Chunk(sequence, left, leads);
            if (_cut is not null) count = _cut.Shorten(sequence, count, left);
            if (count > 0) _plan.Add(sequence, count);
            left -= count;
            leads = false;
        }
    }

    /// <summary>Puts whoever has been running longest to the head.</summary>
    private void Promote(List<Sequence> running)
    {
        foreach (var sequence in running)
        {
            if (!_prefilling.Contains(sequence)) continue;
            _prefilling.Remove(sequence);
            _prefilling.Insert(0, sequence);
            return;
        }
    }

    /// <summary>
    /// How many rows of a prompt to run. Whoever leads takes what there is; to the others no crumbs are given, which would cost a pass each.
    /// </summary>
    private int Chunk(Sequence sequence, int budget, bool leads)
    {
        if (budget <= 0) return 0;
        var rows = ChunkCut.Rows(sequence.Computed, sequence.Count, budget, _limits);
        return leads || rows < budget || rows == sequence.Pending || budget >= _leastChunk ? rows : 0;
    }

    /// <summary>The rows up to the next multiple of the micro batch, whatever the budget: the same in every run.</summary>
    private int FixedChunk(Sequence sequence) =>
        Math.Min(sequence.Pending, _limits.MicroBatchTokens - (sequence.Computed % _limits.MicroBatchTokens));
}
