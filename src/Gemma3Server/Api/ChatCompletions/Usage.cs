namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Token counts of a request.</summary>
/// <param name="PromptTokens">Tokens of the rendered conversation.</param>
/// <param name="CompletionTokens">Tokens generated, the end of turn included.</param>
/// <param name="TotalTokens">Their sum.</param>
/// <param name="PromptTokensDetails">More about the prompt.</param>
/// <param name="CacheExplanation">What the prefix cache did; an extension.</param>
internal sealed record Usage(
    int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokensDetails PromptTokensDetails, CacheExplanationBody? CacheExplanation)
{
    public static Usage Of(GenerationMeasurements measurements) => new(
        measurements.PromptTokens, measurements.CompletionTokens, measurements.PromptTokens + measurements.CompletionTokens,
        new(measurements.CachedTokens), CacheExplanationBody.Of(measurements.Cache));
}
