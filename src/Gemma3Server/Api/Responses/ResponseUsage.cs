using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Responses;

/// <summary>Token counts of a response.</summary>
/// <param name="InputTokens">Tokens of the rendered conversation.</param>
/// <param name="InputTokensDetails">More about them.</param>
/// <param name="OutputTokens">Tokens generated, the end of turn included.</param>
/// <param name="OutputTokensDetails">More about them.</param>
/// <param name="TotalTokens">Their sum.</param>
/// <param name="CacheExplanation">What the prefix cache did; an extension.</param>
internal sealed record ResponseUsage(
    int InputTokens, InputTokensDetails InputTokensDetails, int OutputTokens, OutputTokensDetails OutputTokensDetails, int TotalTokens,
    CacheExplanationBody? CacheExplanation)
{
    public static ResponseUsage Of(GenerationMeasurements measurements) => new(
        measurements.PromptTokens, new(measurements.CachedTokens, measurements.PromptTokens - measurements.CachedTokens),
        measurements.CompletionTokens, new(0),
        measurements.PromptTokens + measurements.CompletionTokens, CacheExplanationBody.Of(measurements.Cache));
}
