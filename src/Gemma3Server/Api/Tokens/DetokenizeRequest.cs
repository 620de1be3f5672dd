using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Tokens;

/// <summary>The body of <c>POST /detokenize</c>.</summary>
internal sealed record DetokenizeRequest
{
    /// <summary>Id of the served model, as <c>/v1/models</c> lists it.</summary>
    public string? Model { get; init; }

    /// <summary>Token ids.</summary>
    public JsonElement? Tokens { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
