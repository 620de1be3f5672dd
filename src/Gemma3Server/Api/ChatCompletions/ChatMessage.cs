using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>One message of the conversation.</summary>
internal sealed record ChatMessage
{
    /// <summary><c>system</c>, <c>developer</c>, <c>user</c>, <c>assistant</c> or <c>tool</c>.</summary>
    public string? Role { get; init; }

    /// <summary>A string, or a list of parts <c>{"type":"text","text":"..."}</c>; only the assistant's may be missing.</summary>
    public JsonElement? Content { get; init; }

    /// <summary>The calls of an earlier answer; each must have its result in the messages that follow.</summary>
    public JsonElement? ToolCalls { get; init; }

    /// <summary>Only with the role <c>tool</c>: whose result it is.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>All other fields.</summary>
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Others { get; set; }
}
