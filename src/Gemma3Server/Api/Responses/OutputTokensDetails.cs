namespace Gemma3Server.Api.Responses;

/// <summary>More about the answer's tokens.</summary>
/// <param name="ReasoningTokens">Always 0: this model does not think before it answers.</param>
internal sealed record OutputTokensDetails(int ReasoningTokens);
