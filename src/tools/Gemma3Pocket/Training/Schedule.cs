namespace Gemma3Pocket.Training;

/// <summary>Warm-up, constant, decay: the constant part can be made longer after a resume, and the decay starts when it is told to.</summary>
/// <param name="WarmUpSteps">Steps in which the rate rises to 1.</param>
/// <param name="DecayFrom">The first step of the decay.</param>
/// <param name="DecaySteps">Steps in which the rate falls to 0.</param>
internal sealed record Schedule(int WarmUpSteps, int DecayFrom, int DecaySteps)
{
    /// <summary>The first step that is not made.</summary>
    public int End => DecayFrom + DecaySteps;

    /// <summary>Share of the highest learning rate at a step.</summary>
    public double RateAt(int step)
    {
        var rise = Math.Min(1, (step + 1.0) / (WarmUpSteps + 1));
        // The first step of the decay is lower already, the last one above zero: neither is wasted.
        var fall = step < DecayFrom ? 1 : 1 - (step - DecayFrom + 1.0) / (DecaySteps + 1);
        return Math.Min(rise, Math.Max(0, fall));
    }
}
