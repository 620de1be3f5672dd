using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Responses;

/// <summary>The event that tells an error; <c>response.failed</c> follows.</summary>
internal sealed record ResponseErrorEvent : ResponseEvent
{
    /// <summary>A word for programs.</summary>
    [JsonPropertyOrder(1)]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Code { get; init; }

    /// <summary>For people.</summary>
    [JsonPropertyOrder(1)]
    public required string Message { get; init; }

    /// <summary>Always null; present because clients expect it.</summary>
    [JsonPropertyOrder(1)]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Param { get; init; }
}
