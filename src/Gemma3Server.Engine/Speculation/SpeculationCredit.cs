namespace Gemma3Server.Engine.Speculation;

/// <summary>Bounds what wrong guesses can cost: time that drafts lose is taken from a credit, and without credit nothing is drafted.</summary>
/// <remarks>
/// Counted in steps. Every step adds a two-hundredth, so that in the long run losses stay below half a percent, whatever the estimates
/// say; what drafts gain refills it. The same credit pays for what is tried though nothing is expected of it, made to notice when that
/// has changed.
/// </remarks>
internal sealed class SpeculationCredit
{
    private const double PerStep = 0.005;

    /// <summary>Credit at the start: enough to learn what rows cost, little in an answer of some hundred tokens.</summary>
    private const double AtFirst = 4;

    /// <summary>Most: where a row costs half a step, a long draft that fails loses eight, though such drafts pay in the mean.</summary>
    private const double Most = 12;

    /// <summary>Deepest debt: one step that took long for another reason shall not end speculation for good.</summary>
    private const double Least = -2;

    private double _steps = AtFirst;

    /// <summary>Whether drafts that are expected to pay may be made.</summary>
    public bool IsOpen => _steps > 0;

    /// <summary>Whether something may be tried that can cost so much.</summary>
    public bool Covers(double steps) => _steps >= steps;

    /// <summary>A step has gone by.</summary>
    public void Tick() => Add(PerStep);

    /// <summary>Drafts have gained so much, or lost it.</summary>
    public void Settle(double gained) => Add(gained);

    private void Add(double steps) => _steps = Math.Clamp(_steps + steps, Least, Most);
}
