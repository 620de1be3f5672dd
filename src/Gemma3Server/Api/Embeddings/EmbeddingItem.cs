namespace Gemma3Server.Api.Embeddings;

/// <summary>The vector of one input.</summary>
/// <param name="Index">Place of the input.</param>
/// <param name="Embedding">Mean of the hidden states of its tokens, of length 1.</param>
/// <param name="Object">Always <c>embedding</c>.</param>
internal sealed record EmbeddingItem(int Index, EmbeddingVector Embedding, string Object = "embedding");
