using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Options of a streamed answer.</summary>
internal sealed record StreamOptions
{
    /// <summary>Whether a last chunk with the token counts is sent.</summary>
    public bool? IncludeUsage { get; init; }

    /// <summary>Accepted; events are not padded, whatever it says.</summary>
    public bool? IncludeObfuscation { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
