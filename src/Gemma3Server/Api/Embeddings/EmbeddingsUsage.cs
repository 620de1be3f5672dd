namespace Gemma3Server.Api.Embeddings;

/// <summary>Token counts of an embedding request.</summary>
/// <param name="PromptTokens">Tokens of all inputs, the one that begins each text included.</param>
/// <param name="TotalTokens">The same: nothing is generated.</param>
internal sealed record EmbeddingsUsage(int PromptTokens, int TotalTokens);
