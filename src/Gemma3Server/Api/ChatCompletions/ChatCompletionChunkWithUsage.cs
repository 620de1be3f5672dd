using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>An event of a stream that asked for usage: the field is there in all events and set in the last.</summary>
internal sealed record ChatCompletionChunkWithUsage : ChatCompletionChunk
{
    /// <summary>Token counts, in the last event only.</summary>
    [JsonPropertyOrder(1)]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public Usage? Usage { get; init; }
}
