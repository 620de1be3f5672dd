using System.Text.Json.Serialization;
using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Completions;

/// <summary>A whole answer, or an event of a stream that asked for usage: the field is there in all events and set in the last.</summary>
internal sealed record CompletionBodyWithUsage : CompletionBody
{
    /// <summary>Token counts; of a stream in the last event only.</summary>
    [JsonPropertyOrder(1)]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public Usage? Usage { get; init; }
}
