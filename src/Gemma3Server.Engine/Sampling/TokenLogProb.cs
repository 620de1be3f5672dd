namespace Gemma3Server.Engine.Sampling;

/// <summary>A token and the natural logarithm of its probability.</summary>
/// <param name="Token">Its id.</param>
/// <param name="LogProb">At most 0; negative infinity for a token that the model rules out.</param>
public readonly record struct TokenLogProb(int Token, float LogProb);
