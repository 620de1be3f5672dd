using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gemma3Server.Cli.Bench;

/// <summary>Runs N simultaneous streams over HTTP against any OpenAI-compatible server.</summary>
internal static class HttpLoad
{
    /// <summary>Sends all prompts at once and reads every stream to its end.</summary>
    public static async Task<LoadResult> RunAsync(
        ChatCompletionsClient client, string model, string[] prompts, int tokens, CancellationToken cancellationToken)
    {
        var streams = prompts.Select(prompt => Task.Run(() => ReadAsync(client, model, prompt, tokens, cancellationToken), cancellationToken));
        return LoadResult.From(await Task.WhenAll(streams).ConfigureAwait(false));
    }

    private static async Task<StreamTimeline> ReadAsync(
        ChatCompletionsClient client, string model, string prompt, int tokens, CancellationToken cancellationToken)
    {
        var body = new JsonObject
        {
            ["model"] = model,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt }),
            ["max_tokens"] = tokens,
            ["temperature"] = 0,
            ["ignore_eos"] = true,
            ["cache_prompt"] = false,
        };
        var timeline = new StreamTimeline();
        await foreach (var chunk in client.StreamAsync(body, cancellationToken).ConfigureAwait(false))
        {
            if (ChatCompletionsClient.Content(chunk) is { Length: > 0 }) timeline.ArrivedOne();
            if (!chunk.TryGetProperty("usage", out var usage) || usage.ValueKind != JsonValueKind.Object) continue;

            // A chunk may carry several tokens (an incomplete character is held back), so the usage at the end corrects the count.
            timeline.PromptTokens = usage.GetProperty("prompt_tokens").GetInt32();
            timeline.Correct(usage.GetProperty("completion_tokens").GetInt32());
        }

        return timeline;
    }
}
