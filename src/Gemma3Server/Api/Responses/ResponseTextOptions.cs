using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Responses;

/// <summary>The form of the answer, as a request asks for it.</summary>
internal sealed record ResponseTextOptions
{
    /// <summary><c>{"type":"text"}</c>.</summary>
    public JsonElement? Format { get; init; }

    /// <summary>Without effect: <c>low</c>, <c>medium</c> or <c>high</c>.</summary>
    public string? Verbosity { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
