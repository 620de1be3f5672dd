namespace Gemma3Server.Api.ChatCompletions;

/// <summary>More about the answer's tokens.</summary>
/// <param name="AcceptedPredictionTokens">Tokens of <c>prediction</c> that the answer has.</param>
/// <param name="RejectedPredictionTokens">Tokens of <c>prediction</c> that were tried and did not fit.</param>
internal sealed record CompletionTokensDetails(int AcceptedPredictionTokens, int RejectedPredictionTokens);
