namespace Gemma3Server.Engine.Speculation;

/// <summary>Bounds what wrong guesses can cost: time that drafts lose is taken from a credit, and without credit nothing is drafted.</summary>
/// <remarks>
/// Counted in steps. Every step adds a two-hundredth, so that in the long run losses stay below half a percent, whatever the estimates
/// say; what drafts gain refills it. The same credit pays for probes: drafts of which nothing is expected, made to notice when that
/// has changed.
/// </remarks>
internal sealed class SpeculationCredit
{
    private const double PerStep = 0.005;

    /// <summary>Credit at the start and at most: enough to learn what rows cost, little in an answer of some hundred tokens.</summary>
    private const double Most = 2;

    /// <summary>Deepest debt: one step that took long for another reason shall not end speculation for good.</summary>
    private const double Least = -0.5;

    private double _steps = Most;

    /// <summary>Whether drafts that are expected to pay may be made.</summary>
    public bool IsOpen => _steps > 0;

    /// <summary>Whether a draft may be made that gains nothing and costs so much.</summary>
    public bool Covers(double steps) => _steps >= steps;

    /// <summary>A step has gone by.</summary>
    public void Tick() => Add(PerStep);

    /// <summary>Drafts have gained so much, or lost it.</summary>
    public void Settle(double gained) => Add(gained);

    private void Add(double steps) => _steps = Math.Clamp(_steps + steps, Least, Most);
}
