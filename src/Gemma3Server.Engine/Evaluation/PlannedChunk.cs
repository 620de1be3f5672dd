namespace Gemma3Server.Engine.Evaluation;

/// <summary>Neighbouring rows of one document that run in one forward call.</summary>
/// <param name="Document">Index of the document.</param>
/// <param name="Sequence">The runtime's id that it runs in.</param>
/// <param name="Start">Position of the first row.</param>
/// <param name="Count">Number of rows.</param>
/// <param name="IsLast">Whether nothing of the document is left to run after it.</param>
internal readonly record struct PlannedChunk(int Document, int Sequence, int Start, int Count, bool IsLast);
