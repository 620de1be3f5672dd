using Gemma3Server.Engine;

namespace Gemma3Server.Cli.Bench;

/// <summary>Runs N simultaneous streams straight on an engine, without HTTP.</summary>
internal static class EngineLoad
{
    /// <summary>Sends all prompts at once and reads every stream to its end.</summary>
    public static async Task<LoadResult> RunAsync(InferenceEngine engine, int[][] prompts, int tokens, CancellationToken cancellationToken)
    {
        var streams = prompts.Select((prompt, i) => Task.Run(() => ReadAsync(engine, prompt, tokens, i, cancellationToken), cancellationToken));
        return LoadResult.From(await Task.WhenAll(streams).ConfigureAwait(false));
    }

    private static async Task<StreamTimeline> ReadAsync(InferenceEngine engine, int[] prompt, int tokens, int index, CancellationToken token)
    {
        var timeline = new StreamTimeline();
        var request = new GenerationRequest
        {
            Id = $"bench-{index}",
            PromptTokens = prompt,
            MaxTokens = tokens,
            Sampling = new SamplingParameters { Temperature = 0 },
            IgnoreEndOfGeneration = true,
            ReusePrefix = false,
        };
        var admission = engine.Generate(request, token);
        if (!admission.Admitted) throw new CommandFault(admission.Refusal.Message);
        await foreach (var item in admission.Events.ConfigureAwait(false))
        {
            switch (item)
            {
                case GenerationEvent.Started started:
                    timeline.PromptTokens = started.PromptTokens;
                    break;
                case GenerationEvent.Text text:
                    timeline.Arrived(text.Tokens);
                    break;
                case GenerationEvent.Failed failed:
                    throw new CommandFault(failed.Message);
            }
        }

        return timeline;
    }
}
