using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Responses;

/// <summary>A piece of the answer as it was streamed; with all of them the events can be told again.</summary>
/// <param name="Text">What it adds.</param>
/// <param name="Logprobs">Of its tokens, when they were asked for.</param>
internal sealed record ResponseDelta(string Text, IReadOnlyList<ContentLogprob>? Logprobs = null);
