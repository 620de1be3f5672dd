using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Completions;

/// <summary>One answer, or what an event adds to it.</summary>
/// <param name="Text">Its text.</param>
/// <param name="Index">Its place: the answers to the first prompt come first.</param>
/// <param name="Logprobs">How probable its tokens were; null unless asked for.</param>
/// <param name="FinishReason"><c>stop</c> or <c>length</c>; null in events before the last of an answer.</param>
internal sealed record CompletionChoice(
    string Text,
    int Index,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] CompletionLogprobs? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);
