using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>One answer of a response.</summary>
/// <param name="Index">Always 0: one answer per request.</param>
/// <param name="Message">The answer.</param>
/// <param name="Logprobs">Not available; null.</param>
/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
internal sealed record ChatCompletionChoice(
    int Index,
    AssistantMessage Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] object? Logprobs,
    string FinishReason);
