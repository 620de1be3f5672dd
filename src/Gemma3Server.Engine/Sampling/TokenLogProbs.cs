namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// How probable a generated token was, and which ones were the most probable in its place: under the model's own distribution, before bias,
/// penalties, temperature and truncation.
/// </summary>
/// <param name="Token">The token that was generated.</param>
/// <param name="LogProb">Natural logarithm of its probability; negative infinity for a token that the model rules out.</param>
/// <param name="Top">The most probable tokens, the most probable first; as many as were asked for, or as are possible.</param>
public sealed record TokenLogProbs(int Token, float LogProb, IReadOnlyList<TokenLogProb> Top);
