using System.Text.Json.Serialization;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>What an event adds to the answer.</summary>
/// <param name="Index">Which answer, from 0.</param>
/// <param name="Delta">New text.</param>
/// <param name="Logprobs">How probable the new tokens were; null unless asked for, and where there is no new text.</param>
/// <param name="FinishReason"><c>stop</c>, <c>length</c> or <c>tool_calls</c> in the last event with a choice, else null.</param>
internal sealed record ChatCompletionChunkChoice(
    int Index,
    ChatCompletionDelta Delta,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ChoiceLogprobs? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);
