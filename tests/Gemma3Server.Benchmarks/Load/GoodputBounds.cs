namespace Gemma3Server.Benchmarks.Load;

/// <summary>What a request must keep to count as well served; a request is good only when it keeps both.</summary>
/// <param name="TimeToFirstToken">Most seconds to the first token.</param>
/// <param name="TimePerOutputToken">Most seconds per token after it.</param>
internal sealed record GoodputBounds(double TimeToFirstToken, double TimePerOutputToken)
{
    /// <summary>Whether a request was well served; one that failed or was refused never is.</summary>
    public bool Admit(RequestOutcome outcome) =>
        outcome.Completed && outcome.TimeToFirstToken <= TimeToFirstToken && outcome.TimePerOutputToken <= TimePerOutputToken;

    /// <summary>The share of well-served requests; not-a-number where there are none.</summary>
    public double Share(IReadOnlyCollection<RequestOutcome> outcomes) =>
        outcomes.Count == 0 ? double.NaN : (double)outcomes.Count(Admit) / outcomes.Count;
}
