using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Embeddings;

/// <summary>A vector, and whether it is written as base64 rather than as an array.</summary>
[JsonConverter(typeof(EmbeddingVectorConverter))]
internal sealed record EmbeddingVector(float[] Values, bool AsBase64);
