namespace Gemma3Server.Engine;

/// <summary>What the prefix cache did for a request, and why no more.</summary>
/// <param name="ReusedTokens">Prompt tokens that were not computed.</param>
/// <param name="Source">Where they came from.</param>
/// <param name="DivergedAt">Prompt tokens that agree with the best prefix ever seen (and remembered); the next one parts from it.</param>
/// <param name="Reason">Why tokens before <paramref name="DivergedAt"/> were computed all the same.</param>
public sealed record CacheExplanation(int ReusedTokens, CacheSource Source, int DivergedAt, CacheMiss Reason);
