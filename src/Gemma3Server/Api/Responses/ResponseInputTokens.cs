using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Responses;

/// <summary>How long a prompt is.</summary>
/// <param name="InputTokens">Its tokens.</param>
internal sealed record ResponseInputTokens(int InputTokens)
{
    /// <summary>Always <c>response.input_tokens</c>.</summary>
    [JsonPropertyOrder(-1)]
    public string Object { get; init; } = "response.input_tokens";
}
