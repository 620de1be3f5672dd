namespace Gemma3Server.Engine.Evaluation;

/// <summary>A figure with its standard error.</summary>
/// <param name="Value">The figure.</param>
/// <param name="StandardError">Its standard error; <see langword="null"/> when there are too few tokens to tell.</param>
public readonly record struct Estimate(double Value, double? StandardError);
