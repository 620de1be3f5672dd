using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>One answer of a response.</summary>
/// <param name="Index">Which answer, from 0.</param>
/// <param name="Message">The answer.</param>
/// <param name="Logprobs">How probable its tokens were; null unless asked for.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c> or <c>tool_calls</c>.</param>
internal sealed record ChatCompletionChoice(
    int Index,
    AssistantMessage Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ChoiceLogprobs? Logprobs,
    string FinishReason);
