using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Responses;

/// <summary>How to think before the answer; in a response both fields are what was asked for, though without effect.</summary>
internal sealed record ResponseReasoning
{
    /// <summary>How much.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Effort { get; init; }

    /// <summary>How it is to be summarized.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Summary { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
