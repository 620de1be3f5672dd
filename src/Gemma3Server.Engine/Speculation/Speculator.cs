using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Speculation;

/// <summary>Decides which decoding sequences of a step get drafts, and how long ones: those by which the step yields most tokens in its time.</summary>
/// <remarks>
/// <para>A step of n sequences that takes a seconds yields n tokens. Drafts of l tokens, each of which holds with probability p if those before
/// it did, yield p + p^2 + ... + p^l more, and their rows take time. p is measured by sequence and kind of guess (<see cref="Acceptance"/>), the time
/// by load and rows (<see cref="SpeculationCost"/>); what pays at one stream may not at sixteen. For every length the sequences
/// are taken whose drafts are worth their rows; where each sequence has its own cells there are two ways to do it: these rows in
/// a pass of their own, or as many for all, filled up with tokens of no hope, in one pass. The best way of all is taken if it beats a step
/// without drafts.</para>
/// <para>Estimates err, so <see cref="SpeculationCredit"/> bounds what drafts may lose. Used by the engine loop alone.</para>
/// </remarks>
internal sealed class Speculator
{
    /// <summary>How much better than without a step must be: less is noise.</summary>
    private const double Margin = 1.02;

    /// <summary>What is thought of a guess before any was verified.</summary>
    private const double RateAtFirst = 0.6;

    /// <summary>Steps without drafts before a probe.</summary>
    private const int ProbeAfter = 16;

    private const int ProbeLength = 2;

    /// <summary>Steps with drafts after which one goes without, so that the time of such a step stays known.</summary>
    private const int PlainAfter = 64;

    private static readonly int ModelKind = Acceptance.KindOf(DraftSource.Model, 0);

    private static readonly int[] Lengths = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];

    private readonly RuntimeLimits _limits;
    private readonly EngineOptions _options;
    private readonly bool _ownCells;
    private readonly bool _losesWindow;
    private readonly int _stepTokens;
    private readonly int _longest;
    private readonly SpeculationCost _cost;
    private readonly SpeculationCredit _credit = new();
    private readonly Acceptance _acceptance = new();
    private readonly int[] _limit;
    private readonly int[] _available;
    private readonly double[] _rates;
    private readonly int[] _chosen;
    private readonly bool[] _byModel;
    private readonly Sequence[] _drafting;
    private readonly DraftModel? _model;
    private int _passes;
    private int _held;
    private int _plainSteps;
    private int _draftSteps;
    private int _turn;

    public Speculator(RuntimeLimits limits, int window, EngineOptions options, int stepTokens, int capacity, DraftModel? model = null)
    {
        _limits = limits;
        _options = options;
        _ownCells = !limits.SharedCells;
        _losesWindow = limits.SharedCells && window > 0;
        _stepTokens = stepTokens;
        // What a row pushes out of the window's cells must not be needed when it is taken back.
        _longest = Math.Min(options.DraftTokens, limits.MicroBatchTokens - 1);
        _cost = new(capacity);
        _limit = new int[capacity];
        _available = new int[capacity];
        _rates = new double[capacity];
        _chosen = new int[capacity];
        _byModel = new bool[capacity];
        _drafting = new Sequence[capacity];
        _model = model;
    }

    /// <summary>Adds drafts to a plan, where they pay.</summary>
    public void Extend(StepPlan plan)
    {
        (_passes, _held) = (0, 0);
        _model?.BeginStep();
        if (_options.Speculation == SpeculationMode.Off || _longest < 1 || plan.DecodeRows == 0) return;
        if (plan.Entries[0].Sequence.Request.Deterministic) return; // it runs alone, in the same rows always
        if (!_cost.Knows(plan.DecodeRows) || _draftSteps >= PlainAfter) return;
        var room = Room(plan);
        if (room < 1 || !Propose(plan)) return;

        var (length, level) = _credit.IsOpen ? Choose(plan, room) : default;
        if (length > 0) Take(plan, length, level, room);
        else if (!Probe(plan, room)) return;
        Apply(plan);
    }

    /// <summary>What drafting a plan has cost, and what the drafts are expected to add to its time.</summary>
    public TimeSpan Extra(StepPlan plan) => TimeSpan.FromSeconds(
        (_model?.Spent ?? 0) + (plan.DraftRows == 0 ? 0 : _cost.Extra(plan.DecodeRows, plan.DraftRows, _passes)));

    /// <summary>Learns that the first <paramref name="held"/> tokens of a sequence's draft were the right ones.</summary>
    public void Verified(Sequence sequence, int held)
    {
        var draft = sequence.Draft;
        _held += held;
        if (draft.Guessed > 0) _acceptance.Observe(draft.Kind, Math.Min(held, draft.Guessed), held < draft.Guessed);
        draft.Verified(held);
    }

    /// <summary>Learns how long a step took, once its drafts have been verified.</summary>
    public void Observe(StepPlan plan, TimeSpan elapsed)
    {
        if (plan.DecodeRows == 0) return;
        var (decoding, seconds) = (plan.DecodeRows, elapsed.TotalSeconds);
        _credit.Tick();
        (_plainSteps, _draftSteps) = plan.DraftRows == 0 ? (_plainSteps + 1, 0) : (0, _draftSteps + 1);
        // Beside prompts nobody knows what took the time.
        if (plan.PrefillRows > 0 || plan.Entries[0].Sequence.Request.Deterministic) return;
        if (plan.DraftRows == 0)
        {
            _cost.Observe(decoding, seconds - (_model?.Spent ?? 0));
            return;
        }

        _cost.Observe(decoding, plan.DraftRows, _passes, seconds - (_model?.Spent ?? 0));
        var plain = _cost.Plain(decoding);
        _credit.Settle((_held / (double)decoding) - ((seconds - plain) / plain));
    }

    private static double Gain(double rate, int length) =>
        rate >= 0.9999 ? length : rate * (1 - Math.Pow(rate, length)) / (1 - rate);

    /// <summary>How many rows may be added.</summary>
    private int Room(StepPlan plan)
    {
        var room = Math.Min(EngineOptions.MostDraftRows, Math.Min(_stepTokens - plan.Rows, _limits.MaxLogitsRows - plan.LogitsRows));
        // Cells that are shared and out of a window are taken at the next micro batch, so drafts and all must fit into one.
        return _losesWindow ? Math.Min(room, _limits.MicroBatchTokens - plan.Rows) : room;
    }

    /// <summary>Asks for each decoding sequence's draft; false when there is none.</summary>
    private bool Propose(StepPlan plan)
    {
        var (any, mayCatchUp) = (false, _model is not null && ModelMayPay(plan));
        var entries = plan.Entries;
        for (var e = 0; e < entries.Length; e++)
        {
            (_limit[e], _available[e], _chosen[e], _byModel[e]) = (0, 0, 0, false);
            var sequence = entries[e].Sequence;
            var draft = sequence.Draft;
            draft.Clear();
            if (sequence.Pending != 1) continue;
            _limit[e] = Math.Min(_longest, sequence.Remaining - 1);
            if (_limit[e] < 1) continue;
            draft.Lookup ??= new(sequence, _options.DraftMinimumMatch, _options.Speculation != SpeculationMode.Draft);
            draft.Lookup.Propose(sequence, _limit[e]);
            if (draft.Count > 0) (_available[e], _rates[e]) = (draft.Count, Rate(draft, draft.Kind));
            // The model knows no grammar: most of what it says would be ruled out.
            if (_model is not null && sequence.Matcher is null && Rate(draft, ModelKind) is var rate && rate > (draft.Count > 0 ? _rates[e] : 0))
            {
                if (_model.IsReady(sequence, mayCatchUp)) (_available[e], _rates[e], _byModel[e]) = (_limit[e], rate, true);
                else mayCatchUp = false; // one in a step
            }

            any |= _available[e] > 0;
        }

        return any;
    }

    private double Rate(Draft draft, int kind) => draft.Acceptance.Rate(kind, _acceptance.Rate(kind, RateAtFirst));

    /// <summary>Whether drafts of the model would pay for one sequence, so that it may be brought up to it.</summary>
    private bool ModelMayPay(StepPlan plan)
    {
        const int Length = 4;
        var (decoding, plain) = (plan.DecodeRows, _cost.Plain(plan.DecodeRows));
        return _credit.IsOpen
            && Gain(_acceptance.Rate(ModelKind, RateAtFirst), Length) * plain / decoding > _cost.Extra(decoding, Length, 0) + (_model!.Seconds(Length) / decoding);
    }

    private (int Length, bool Level) Choose(StepPlan plan, int room)
    {
        var decoding = plan.DecodeRows;
        var plain = _cost.Plain(decoding);
        var (best, bestLength, bestLevel) = (Margin * decoding / plain, 0, false);
        foreach (var length in Lengths)
        {
            if (length > _longest) break;
            var (gain, rows, drafting, allFit, model) = Weigh(plan, length, room);
            if (drafting == 0) continue;
            var passes = _ownCells && drafting < decoding ? 1 : 0;
            var rate = (decoding + gain) / (plain + model + _cost.Extra(decoding, rows, passes));
            if (rate > best) (best, bestLength, bestLevel) = (rate, length, false);
            if (passes == 0 || !allFit || decoding * length > room) continue;
            rate = (decoding + gain) / (plain + model + _cost.Extra(decoding, decoding * length, 0));
            if (rate > best) (best, bestLength, bestLevel) = (rate, length, true);
        }

        return (bestLength, bestLevel);
    }

    /// <summary>
    /// What drafts of up to a length bring, how many rows they take, of how many sequences, whether each sequence could have that many, and the
    /// draft model's seconds.
    /// </summary>
    private (double Gain, int Rows, int Drafting, bool AllFit, double Model) Weigh(StepPlan plan, int length, int room)
    {
        var (gain, rows, drafting, allFit, model) = (0.0, 0, 0, true, 0.0);
        for (var e = 0; e < plan.Entries.Length; e++)
        {
            if (plan.Entries[e].Sequence.Pending != 1) continue;
            allFit &= _limit[e] >= length;
            var count = Count(e, length);
            if (count == 0 || rows + count > room || !IsWorth(plan, e, count)) continue;
            gain += Gain(_rates[e], count);
            rows += count;
            drafting++;
            if (_byModel[e]) model = Math.Max(model, _model!.Seconds(count));
        }

        return (gain, rows, drafting, allFit, model);
    }

    /// <summary>How much of an entry's draft is taken: with own cells all drafts are of one length.</summary>
    private int Count(int entry, int length) => _available[entry] >= length ? length : _ownCells ? 0 : _available[entry];

    private bool IsWorth(StepPlan plan, int entry, int count) =>
        Gain(_rates[entry], count) * _cost.Plain(plan.DecodeRows) / plan.DecodeRows > _cost.Extra(plan.DecodeRows, count, 0);

    private void Take(StepPlan plan, int length, bool level, int room)
    {
        var (rows, drafting) = (0, 0);
        for (var e = 0; e < plan.Entries.Length; e++)
        {
            if (plan.Entries[e].Sequence.Pending != 1) continue;
            var count = level ? length : Count(e, length);
            if (!level && (count == 0 || rows + count > room || !IsWorth(plan, e, count))) continue;
            _chosen[e] = count;
            rows += count;
            drafting++;
        }

        _passes = _ownCells && drafting < plan.DecodeRows ? 1 : 0;
    }

    /// <summary>Drafts a little for one sequence, by turns, though it is not expected to pay; false when it is not time for that.</summary>
    private bool Probe(StepPlan plan, int room)
    {
        if (_plainSteps < ProbeAfter) return false;
        _passes = _ownCells && plan.DecodeRows > 1 ? 1 : 0;
        var seconds = _cost.Extra(plan.DecodeRows, ProbeLength, _passes) + (_model?.Seconds(ProbeLength) ?? 0);
        if (!_credit.Covers(seconds / _cost.Plain(plan.DecodeRows))) return false;
        for (var i = 0; i < plan.Entries.Length; i++)
        {
            var e = (_turn + i) % plan.Entries.Length;
            if (_available[e] == 0) continue;
            _turn = e + 1;
            _chosen[e] = Math.Min(Math.Min(ProbeLength, room), _available[e]);
            return true;
        }

        return false;
    }

    private void DraftByModel(StepPlan plan)
    {
        var (count, length) = (0, 0);
        for (var e = 0; e < plan.Entries.Length; e++)
        {
            if (!_byModel[e] || _chosen[e] == 0) continue;
            _drafting[count++] = plan.Entries[e].Sequence;
            length = Math.Max(length, _chosen[e]);
        }

        if (count > 0) _model!.Draft(_drafting.AsSpan(0, count), length);
    }

    private void Apply(StepPlan plan)
    {
        DraftByModel(plan);
        for (var e = 0; e < plan.Entries.Length; e++)
        {
            if (_chosen[e] == 0) continue;
            var sequence = plan.Entries[e].Sequence;
            sequence.Draft.Resize(_chosen[e], filler: sequence.Tokens[^1]);
            plan.AddDrafts(e, _chosen[e]);
        }
    }
}
