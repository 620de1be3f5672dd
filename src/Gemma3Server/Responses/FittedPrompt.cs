using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;

namespace Gemma3Server.Responses;

/// <summary>A conversation that fits into the context, with its tokens; or why it does not.</summary>
internal sealed record FittedPrompt(Conversation? Conversation, int[] Tokens, int[] Boundaries, OpenAiError? Error = null);
