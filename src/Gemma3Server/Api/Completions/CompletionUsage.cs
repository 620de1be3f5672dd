using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Engine;
using Gemma3Server.Prompts;

namespace Gemma3Server.Api.Completions;

/// <summary>Counts the tokens of a completion request, whose prompts may be several.</summary>
internal sealed class CompletionUsage(ParsedCompletion completion, GenerationMeasurements measurements)
{
    private readonly int?[] _cached = new int?[completion.Prompts];

    public void Started(GenerationEvent.Started started, int generation)
    {
        measurements.Started(started);

        // Of several answers to one prompt, the first one's: the others find what it has computed.
        ref var cached = ref _cached[generation / completion.BestOf];
        cached = Math.Min(cached ?? int.MaxValue, started.CachedTokens);
    }

    /// <summary>The counts, once all generations have ended; those that are not among the best have cost their tokens too.</summary>
    public Usage Total()
    {
        var prompt = completion.PromptTokens;
        return Usage.Of(measurements) with
        {
            PromptTokens = prompt,
            TotalTokens = prompt + measurements.CompletionTokens,
            PromptTokensDetails = new(_cached.Sum() ?? 0),
            CacheExplanation = completion.Prompts == 1 ? CacheExplanationBody.Of(measurements.Cache) : null,
        };
    }
}
