using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Embeddings;

/// <summary>The body of <c>POST /v1/embeddings</c>.</summary>
internal sealed record EmbeddingsRequest
{
    /// <summary>Id of a model, as <c>/v1/models</c> lists it, or another name of it; none = the default model.</summary>
    public string? Model { get; init; }

    /// <summary>A text, up to 2048 texts, the token ids of a text, or those of up to 2048 texts.</summary>
    public JsonElement? Input { get; init; }

    /// <summary><c>float</c>, or <c>base64</c>: the little-endian bytes of 32-bit numbers.</summary>
    [System.ComponentModel.DefaultValue("float")]
    public string? EncodingFormat { get; init; }

    /// <summary>How many of the vector's numbers to keep; it is made one of length 1 again.</summary>
    public long? Dimensions { get; init; }

    /// <summary>Has no effect.</summary>
    public string? User { get; init; }

    /// <summary>Extension: how long the model stays loaded after the request: seconds, a time such as <c>5m</c>, 0 = not at all, -1 = for ever.</summary>
    public JsonElement? KeepAlive { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
