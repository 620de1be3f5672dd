using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>The model's message.</summary>
/// <param name="Role">Always <c>assistant</c>.</param>
/// <param name="Content">The text; null when there is nothing but calls.</param>
/// <param name="Refusal">Always null; present because clients expect it.</param>
/// <param name="ToolCalls">The calls of tools; absent when there are none.</param>
internal sealed record AssistantMessage(
    string Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Refusal,
    IReadOnlyList<ToolCall>? ToolCalls = null);
