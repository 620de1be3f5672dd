namespace Gemma3Server.Engine.Evaluation;

/// <summary>How far an evaluation is. Rows cost about the same, scored or not, so that time goes by them.</summary>
/// <param name="Rows">Rows that every model has run.</param>
/// <param name="TotalRows">Rows of all documents.</param>
public readonly record struct EvaluationProgress(long Rows, long TotalRows);
