namespace Gemma3Server.Engine.Evaluation;

/// <summary>Tokens that a model reads from an empty context, and those among them that are scored.</summary>
/// <param name="Name">How messages call it, such as <c>line 12</c>.</param>
/// <param name="Tokens">All tokens; the first is the beginning-of-sequence token.</param>
/// <param name="Scored">Whether each token is scored; <see langword="null"/> = all. The first token never is: nothing predicts it.</param>
public sealed record EvaluationDocument(string Name, int[] Tokens, bool[]? Scored = null)
{
    /// <summary>Number of scored tokens.</summary>
    public int ScoredCount { get; } = Scored is null ? Math.Max(0, Tokens.Length - 1) : Scored.Skip(1).Count(static scored => scored);

    /// <summary>Rows that must run: each scored token is predicted by the row before it, and what stands behind the last one is not needed.</summary>
    internal int RowCount { get; } = Scored is null ? Math.Max(0, Tokens.Length - 1) : Math.Max(0, Array.LastIndexOf(Scored, true));

    /// <summary>Whether the row at <paramref name="position"/> predicts a scored token.</summary>
    internal bool WantsLogits(int position) => Scored is null || Scored[position + 1];
}
