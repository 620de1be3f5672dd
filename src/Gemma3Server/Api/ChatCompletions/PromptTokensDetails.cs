namespace Gemma3Server.Api.ChatCompletions;

/// <summary>More about the prompt's tokens.</summary>
/// <param name="CachedTokens">Tokens whose computation was reused from an earlier request.</param>
internal sealed record PromptTokensDetails(int CachedTokens);
