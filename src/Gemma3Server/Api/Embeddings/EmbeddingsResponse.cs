namespace Gemma3Server.Api.Embeddings;

/// <summary>The vectors of a request.</summary>
/// <param name="Data">One for each input, in their order.</param>
/// <param name="Model">Id of the model.</param>
/// <param name="Usage">Token counts.</param>
/// <param name="Object">Always <c>list</c>.</param>
internal sealed record EmbeddingsResponse(IReadOnlyList<EmbeddingItem> Data, string Model, EmbeddingsUsage Usage, string Object = "list");
