using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>The model's message.</summary>
/// <param name="Role">Always <c>assistant</c>.</param>
/// <param name="Content">The text.</param>
/// <param name="Refusal">Always null; present because clients expect it.</param>
internal sealed record AssistantMessage(
    string Role,
    string Content,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Refusal);
