namespace Gemma3Server.Api.Responses;

/// <summary>More about the prompt's tokens.</summary>
/// <param name="CachedTokens">Tokens whose computation was reused from an earlier request.</param>
/// <param name="CacheWriteTokens">The other ones, which later requests may reuse.</param>
internal sealed record InputTokensDetails(int CachedTokens, int CacheWriteTokens);
