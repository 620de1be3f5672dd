using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Speculation;

/// <summary>Decides which decoding sequences of a step get drafts, and how long ones: those by which the step yields most tokens in its time.</summary>
/// <remarks>
/// <para>What can be looked up is looked up in every step. Where it is not run, the next token tells whether it would have held, so that
/// a text of which nothing holds costs nothing; only what a draft model says must be tried. What pays (<see cref="DraftChooser"/>) is
/// run.</para>
/// <para>Estimates err, so <see cref="SpeculationCredit"/> bounds what drafts may lose. Used by the engine loop alone.</para>
/// </remarks>
internal sealed class Speculator
{
    /// <summary>How much better than without a step must be: less is noise.</summary>
    private const double Margin = 1.02;

    /// <summary>How near to that it must be, for the estimate to be doubted.</summary>
    private const double Near = 0.45;

    /// <summary>Steps without drafts before the draft model is tried, or the best drafts though they are thought not to pay.</summary>
    private const int ProbeAfter = 8;

    private const int RetryAfter = 64;

    /// <summary>As many of a draft model's guesses as ever hold.</summary>
    private const double BestRate = 0.95;

    /// <summary>Tokens that the draft model guesses when it is tried: of these the first one is compared, and the time of all tells what one takes.</summary>
    private const int ProbeLength = 4;

    /// <summary>Steps with drafts after which one goes without, so that the time of such a step stays known.</summary>
    private const int PlainAfter = 64;

    private readonly RuntimeLimits _limits;
    private readonly EngineOptions _options;
    private readonly bool _losesWindow;
    private readonly int _stepTokens;
    private readonly SpeculationCost _cost;
    private readonly SpeculationCredit _credit = new();
    private readonly Acceptance _acceptance = new();
    private readonly DraftOffers _offers;
    private readonly DraftChooser _chooser;
    private readonly int[] _chosen;
    private readonly Sequence[] _drafting;
    private readonly DraftModel? _model;
    private bool _apart;
    private int _held;
    private int _plainSteps;
    private int _draftSteps;
    private int _stepsToProbe = ProbeAfter;
    private bool _modelPays;
    private bool _mayProbe;
    private int _turn;

    public Speculator(RuntimeLimits limits, int window, EngineOptions options, int stepTokens, int capacity, DraftModel? model = null)
    {
        _limits = limits;
        _options = options;
        _losesWindow = limits.SharedCells && window > 0;
        _stepTokens = stepTokens;
        _cost = new(capacity);
        // What a row pushes out of the window's cells must not be needed when it is taken back.
        _offers = new(capacity, Math.Min(options.DraftTokens, limits.MicroBatchTokens - 1));
        _chooser = new(_offers, _cost, _credit, ownCells: !limits.SharedCells, capacity);
        _chosen = new int[capacity];
        _drafting = new Sequence[capacity];
        _model = model;
    }

    /// <summary>Adds drafts to a plan, where they pay.</summary>
    public void Extend(StepPlan plan)
    {
        (_apart, _held) = (false, 0);
        _model?.BeginStep();
        if (_options.Speculation == SpeculationMode.Off || _offers.Longest < 1 || plan.DecodeRows == 0) return;
        if (plan.Entries[0].Sequence.Request.Deterministic) return; // it runs alone, in the same rows always
        var isKnown = _cost.Knows(plan.DecodeRows);
        var any = Propose(plan, mayUseModel: isKnown);
        if (!isKnown || _draftSteps >= PlainAfter) return;
        if (any && Room(plan) is > 0 and var room && _credit.IsOpen && Choose(plan, room) is { Length: > 0 } choice)
        {
            Take(plan, choice);
            Apply(plan);
        }
        else
        {
            Probe(plan);
        }
    }

    /// <summary>A sequence got another id, from which one and to which.</summary>
    public void Move(int from, int to) => _model?.Move(from, to);

    /// <summary>What drafting a plan has cost, and what the drafts are expected to add to its time.</summary>
    public TimeSpan Extra(StepPlan plan) => TimeSpan.FromSeconds(
        (_model?.Spent ?? 0) + (plan.DraftRows == 0 ? 0 : _cost.Extra(plan.DecodeRows, plan.DraftRows, _apart).Expected));

    /// <summary>Learns that the first <paramref name="held"/> tokens of a sequence's draft were the right ones.</summary>
    public void Verified(Sequence sequence, int held)
    {
        var draft = sequence.Draft;
        _held += held;
        held = Math.Min(held, draft.Guessed);
        _acceptance.Observe(draft, held);
        draft.Acceptance.Observe(draft, held);
        draft.Verified(held);
    }

    /// <summary>Learns how long a step took, once its drafts have been verified.</summary>
    public void Observe(StepPlan plan, TimeSpan elapsed)
    {
        if (plan.DecodeRows == 0) return;
        var (decoding, drafting) = (plan.DecodeRows, _model?.Spent ?? 0);
        var seconds = elapsed.TotalSeconds - drafting;
        _credit.Tick();
        (_plainSteps, _draftSteps) = plan.DraftRows == 0 ? (_plainSteps + 1, 0) : (0, _draftSteps + 1);
        _stepsToProbe = plan.DraftRows == 0 ? _stepsToProbe - 1 : ProbeAfter;
        // Beside prompts nobody knows what took the time.
        if (plan.PrefillRows > 0 || plan.Entries[0].Sequence.Request.Deterministic) return;
        var extra = 0.0;
        if (plan.DraftRows == 0) _cost.Observe(decoding, seconds);
        else extra = _cost.Observe(decoding, plan.DraftRows, _apart, seconds);
        // To bring the model up to a sequence is no loss where it pays; beside a step of no time on the clock nothing is a gain or a loss.
        if (_cost.Plain(decoding) is > 0 and var plain && (plan.DraftRows > 0 || !_modelPays))
            _credit.Settle((_held / (double)decoding) - ((extra + drafting) / plain));
    }

    /// <summary>How many rows may be added.</summary>
    private int Room(StepPlan plan)
    {
        var room = Math.Min(EngineOptions.MostDraftRows, Math.Min(_stepTokens - plan.Rows, _limits.MaxLogitsRows - plan.LogitsRows));
        // Cells that are shared and out of a window are taken at the next micro batch, so drafts and all must fit into one.
        return _losesWindow ? Math.Min(room, _limits.MicroBatchTokens - plan.Rows) : room;
    }

    /// <summary>Asks for each decoding sequence's draft; false when there is none.</summary>
    private bool Propose(StepPlan plan, bool mayUseModel)
    {
        _modelPays = mayUseModel && ModelPays(plan, _acceptance.Rate(DraftSource.Model, 0));
        // Where it is only tried, it is brought up to one sequence; where it is too slow in any case, to none.
        _mayProbe = mayUseModel && _stepsToProbe <= 0 && ModelPays(plan, BestRate);
        var (any, mayCatchUp) = (false, _modelPays || _mayProbe);
        var entries = plan.Entries;
        for (var e = 0; e < entries.Length; e++)
        {
            _chosen[e] = 0;
            _offers.Clear(e);
            var sequence = entries[e].Sequence;
            var draft = sequence.Draft;
            Learn(sequence);
            draft.Clear();
            var limit = Math.Min(_offers.Longest, sequence.Remaining - 1);
            if (sequence.Pending != 1 || limit < 1) continue;
            _offers.Clear(e, limit);
            draft.Lookup ??= new(sequence, _options.DraftMinimumMatch, _options.Speculation != SpeculationMode.Draft);
            draft.Lookup.Propose(sequence, limit);
            if (draft.Count > 0) _offers.Offer(e, draft.Count, draft.Source, draft.Match, draft, _acceptance);
            if (mayUseModel && ModelIsBetter(sequence))
            {
                var isReady = _model!.IsReady(sequence, mayCatchUp);
                if (isReady) _offers.Offer(e, limit, DraftSource.Model, 0, draft, _acceptance);
                mayCatchUp &= isReady && _modelPays; // one in a step
            }

            any |= _offers.Available(e) > 0;
        }

        return any;
    }

    /// <summary>The token that came tells whether a draft that was not run would have held.</summary>
    private void Learn(Sequence sequence)
    {
        if (sequence.Draft.Turned(sequence.Tokens) is not { } holds) return;
        _acceptance.ObserveFirst(sequence.Draft, holds);
        sequence.Draft.Acceptance.ObserveFirst(sequence.Draft, holds);
    }

    private bool ModelIsBetter(Sequence sequence)
    {
        // The model knows no grammar: most of what it says would be ruled out.
        if (_model is null || sequence.Matcher is not null) return false;
        var draft = sequence.Draft;
        return draft.Count == 0
            || draft.Acceptance.Rate(DraftSource.Model, 0, _acceptance) > draft.Acceptance.Rate(draft.Source, draft.Match, _acceptance);
    }

    /// <summary>Whether drafts of the model would pay if so many of its guesses held, so that it may be brought up to a sequence.</summary>
    private bool ModelPays(StepPlan plan, double rate)
    {
        if (_model is null || !_credit.IsOpen) return false;
        var (decoding, plain) = (plan.DecodeRows, _cost.Plain(plan.DecodeRows));
        // As if all had drafts; short ones, or long ones: where two rows are as dear as eight, only these may pay.
        for (var length = 3; length <= _offers.Longest && decoding * length <= EngineOptions.MostDraftRows; length = (2 * length) + 1)
        {
            var gain = rate * (1 - Math.Pow(rate, length)) / (1 - rate); // the rate is never quite 1
            if (gain * plain > _cost.Extra(decoding, decoding * length, apart: false).Expected + _model.Seconds(length)) return true;
        }

        return false;
    }

    /// <summary>
    /// The best way to draft if it pays, or if nothing was drafted for a while and the credit covers what it is thought to lose: the estimate
    /// may be old.
    /// </summary>
    private DraftChoice Choose(StepPlan plan, int room)
    {
        var choice = _chooser.Choose(plan, room, _model);
        var ratio = choice.Rate * _cost.Plain(plan.DecodeRows) / plan.DecodeRows;
        return ratio > Margin || (ratio > Near && _plainSteps >= RetryAfter && _credit.Covers(choice.Loss)) ? choice : default;
    }

    private void Take(StepPlan plan, DraftChoice choice)
    {
        _apart = choice.Apart;
        if (choice.Level)
        {
            for (var e = 0; e < plan.Entries.Length; e++)
            {
                if (plan.Entries[e].Sequence.Pending == 1) _chosen[e] = choice.Length;
            }

            return;
        }

        _chooser.Sort(plan, choice.Length);
        foreach (var e in _chooser.Order[..choice.Entries]) _chosen[e] = Math.Min(choice.Length, _offers.Available(e));
    }

    /// <summary>Lets the draft model guess for one sequence, by turns, what is not run: the next token tells whether it holds.</summary>
    private void Probe(StepPlan plan)
    {
        if (!_mayProbe || !_credit.Covers(_model!.Seconds(ProbeLength) / _cost.Plain(plan.DecodeRows))) return;
        for (var i = 0; i < plan.Entries.Length; i++)
        {
            var e = (_turn + i) % plan.Entries.Length;
            if (!_offers.ByModel(e)) continue;
            _turn = e + 1;
            _drafting[0] = plan.Entries[e].Sequence;
            _stepsToProbe = ProbeAfter;
            _model.Draft(_drafting.AsSpan(0, 1), Math.Min(ProbeLength, _offers.Limit(e)));
            return;
        }
    }

    private void DraftByModel(StepPlan plan)
    {
        var (count, length) = (0, 0);
        for (var e = 0; e < plan.Entries.Length; e++)
        {
            if (!_offers.ByModel(e) || _chosen[e] == 0) continue;
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
