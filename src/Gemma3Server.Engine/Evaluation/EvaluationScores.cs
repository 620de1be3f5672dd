namespace Gemma3Server.Engine.Evaluation;

/// <summary>The scores of all models on the same tokens.</summary>
/// <param name="Reference">The reference's, if there is one.</param>
/// <param name="Models">The models', in their order.</param>
/// <param name="DocumentStarts">Index of the first scored token of each document that has one, ascending from 0.</param>
/// <param name="TokenCount">Number of scored tokens.</param>
public sealed record EvaluationScores(TokenScores? Reference, IReadOnlyList<TokenScores> Models, IReadOnlyList<int> DocumentStarts, int TokenCount);
