namespace Gemma3Server.Engine.Sampling;

/// <summary>A token and the natural logarithm of its probability.</summary>
internal readonly record struct TokenLogProb(int Token, float LogProb);
