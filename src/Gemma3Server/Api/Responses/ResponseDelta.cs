using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Responses;

/// <summary>A piece of the answer as it was streamed; with all of them the events can be told again.</summary>
/// <param name="Text">What it adds.</param>
/// <param name="Logprobs">Of its tokens, when they were asked for.</param>
/// <param name="Call">Which call of a function it belongs to, from 0: the text is a piece of its arguments; null = it is content.</param>
/// <param name="CallId">The call's id, in its first piece.</param>
/// <param name="Name">The function, in its first piece.</param>
internal sealed record ResponseDelta(
    string Text, IReadOnlyList<ContentLogprob>? Logprobs = null, int? Call = null, string? CallId = null, string? Name = null);
