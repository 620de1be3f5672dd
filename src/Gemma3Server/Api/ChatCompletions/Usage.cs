namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Token counts of a request.</summary>
/// <param name="PromptTokens">Tokens of the rendered conversation, counted once however many answers there are.</param>
/// <param name="CompletionTokens">Tokens generated, the end of turn included, of all answers together.</param>
/// <param name="TotalTokens">Their sum.</param>
/// <param name="PromptTokensDetails">More about the prompt.</param>
/// <param name="CompletionTokensDetails">More about the answers.</param>
/// <param name="CacheExplanation">What the prefix cache did; an extension.</param>
internal sealed record Usage(
    int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails,
    CompletionTokensDetails CompletionTokensDetails, CacheExplanationBody? CacheExplanation)
{
    public static Usage Of(GenerationMeasurements measurements) => new(
        measurements.PromptTokens, measurements.CompletionTokens, measurements.PromptTokens + measurements.CompletionTokens,
        new(measurements.CachedTokens), new(measurements.AcceptedPredictionTokens, measurements.RejectedPredictionTokens),
        CacheExplanationBody.Of(measurements.Cache));
}
