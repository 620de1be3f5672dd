using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Responses;

/// <summary>The event that tells an error; <c>response.failed</c> follows.</summary>
internal sealed record ResponseErrorEvent : ResponseEvent
{
    /// <summary>A word for programs.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? Code { get; init; }

    /// <summary>For people.</summary>
    public required string Message { get; init; }

    /// <summary>Always null; present because clients expect it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Param { get; init; }
}
