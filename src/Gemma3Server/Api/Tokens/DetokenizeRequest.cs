using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Tokens;

/// <summary>The body of <c>POST /detokenize</c>.</summary>
internal sealed record DetokenizeRequest
{
    /// <summary>Id of a model, as <c>/v1/models</c> lists it, or another name of it; none = the default model.</summary>
    public string? Model { get; init; }

    /// <summary>Token ids.</summary>
    public JsonElement? Tokens { get; init; }

    /// <summary>Extension: how long the model stays loaded after the request: seconds, a time such as <c>5m</c>, 0 = not at all, -1 = for ever.</summary>
    public JsonElement? KeepAlive { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
