namespace Gemma3Server.Engine.Scheduling;

/// <summary>The rows that one sequence runs in a step.</summary>
/// <param name="Sequence">Whose rows.</param>
/// <param name="Start">Position of the first row.</param>
/// <param name="Count">Number of rows.</param>
/// <param name="WantLogits">Whether the last row yields logits, because no token of the sequence is left to run after it.</param>
internal readonly record struct PlannedRows(Sequence Sequence, int Start, int Count, bool WantLogits)
{
    /// <summary>Whether it is one token that the sequence's grammar has forced, with more behind it; see <see cref="StepPlan.LevelsLogits"/>.</summary>
    public bool IsForced { get; init; }

    /// <summary>
    /// Rows on top: as many tokens of the sequence's <see cref="Speculation.Draft"/>, which follow its last one. Each yields logits too.
    /// </summary>
    public int Drafts { get; init; }
}
