namespace Gemma3Server.Engine.Evaluation;

/// <summary>An evaluation cannot go on; the message is one line.</summary>
public sealed class EvaluationException(string message) : Exception(message);
