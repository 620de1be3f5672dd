using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Completions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;
using Gemma3Server.Engine;

namespace Gemma3Server.Prompts;

/// <summary>Makes of a body of <c>/v1/completions</c> complete <see cref="GenerationRequest"/>s, or one error.</summary>
/// <remarks>
/// Thread-safe. To be called when the engine is ready.
/// 1. Read the body; check every parameter.
/// 2. Refuse prompts that cannot fit, before they are tokenized; tokenize the others.
/// 3. Check that prompts and answers fit, and lay the generations out.
/// </remarks>
internal sealed class CompletionRequestParser(InferenceEngine engine, RawPromptTokenizer prompts)
{
    /// <summary>OpenAI's bound.</summary>
    public const int MaxLogProbs = 5;

    /// <summary>OpenAI's default: without a turn to end, a continuation seldom ends by itself.</summary>
    private const int DefaultMaxTokens = 16;

    public async ValueTask<CompletionParseResult> ParseAsync(
        JsonElement body, ChatHeaders headers, ClientIdentity client, CancellationToken cancellationToken)
    {
        var (tokenizer, limits) = (engine.Tokenizer, engine.Limits);
        if (tokenizer is null || limits is null) throw new InvalidOperationException("A request was parsed before the model was loaded.");

        // 1. Fields.
        if (!RequestBodyReader.TryRead(body, OpenAiJsonContext.Default.CompletionRequest, out var request, out var error)) return CompletionParseResult.Of(error);
        var (ignored, checks) = (new IgnoredParameters(), new FieldChecks());
        checks.Add(GenerationReader.CheckOthers(request, UnsupportedParameters.Completions, ignored));
        var raw = RawPromptReader.Read("prompt", request.Prompt, engine.MostTogether, tokenizer, limits.ContextLength, checks);
        var generation = GenerationReader.Read(request, headers, client, tokenizer, checks);
        var askedTokens = request.MaxTokens is { } asked ? checks.Integer("max_tokens", asked, 1, 1) : (int?)null;
        var n = Choices.Read("n", request.N, engine, checks);
        var bestOf = ReadBestOf(request, n, checks);
        if (checks.Error is null && (long)raw.Count * bestOf > engine.MostTogether)
            checks.Fail("prompt", $"at most {engine.MostTogether / bestOf} prompts with {bestOf} generations each", $"{raw.Count}");
        var logProbs = request.Logprobs is { } top ? checks.Integer("logprobs", top, 0, 0, MaxLogProbs) : (int?)null;
        CheckCombinations(request, checks);
        ignored.AddIf("user", request.User is not null);
        ignored.AddIf("stream_options.include_obfuscation", request.StreamOptions?.IncludeObfuscation == true);
        if (headers.Strict) checks.Add(ignored.Refusal);

        // 2. Prompts.
        error = checks.Error ?? prompts.CheckLeast(raw);
        if (error is not null) return CompletionParseResult.Of(error);
        var tokens = await prompts.TokenizeAsync(raw, cancellationToken);

        // 3. Generations.
        var id = $"cmpl-{Guid.NewGuid():N}";
        var requests = new List<GenerationRequest>(raw.Count * bestOf);
        for (var i = 0; i < tokens.Length; i++)
        {
            var maxTokens = askedTokens ?? Math.Min(DefaultMaxTokens, limits.ContextLength - tokens[i].Length);
            error = ContextLength.Check(raw[i].Name, tokens[i].Length, askedTokens, limits.ContextLength)
                ?? GenerationReader.CheckMinTokens(generation.MinTokens, maxTokens);
            if (error is not null) return CompletionParseResult.Of(error);
            requests.AddRange(Choices.Of(
                generation with
                {
                    Id = i == 0 ? id : $"{id}.p{i}",
                    PromptTokens = tokens[i],
                    MaxTokens = maxTokens,
                    TopLogProbs = bestOf > n ? logProbs ?? 0 : logProbs,
                },
                bestOf));
        }

        return CompletionParseResult.Of(new ParsedCompletion
        {
            Id = id,
            Requests = requests,
            N = n,
            BestOf = bestOf,
            Echo = request.Echo == true ? [.. raw.Select(prompts.TextOf)] : null,
            ReportsLogProbs = logProbs is not null,
            Stream = request.Stream ?? false,
            IncludeUsage = request.StreamOptions?.IncludeUsage ?? false,
            IgnoredParameters = ignored.Names,
        });
    }

    private int ReadBestOf(CompletionRequest request, int n, FieldChecks checks)
    {
        if (request.BestOf is null) return n;
        var bestOf = Choices.Read("best_of", request.BestOf, engine, checks);
        if (bestOf < n) checks.Fail("best_of", $"at least 'n' ({n})", $"{bestOf}");
        if (bestOf > n && request.Stream == true)
            checks.Add(OpenAiError.OutOfRange("best_of", "'best_of' must not be greater than 'n' when 'stream' is true: the best is known at the end only."));
        return bestOf;
    }

    private static void CheckCombinations(CompletionRequest request, FieldChecks checks)
    {
        if (request.Suffix?.Length > 0)
            checks.Add(OpenAiError.UnsupportedParameter("suffix", "'suffix' is not supported: Gemma 3 has no tokens for text to fill in."));
        if (request.Echo == true && request.Logprobs is not null)
            checks.Add(OpenAiError.UnsupportedValue("logprobs", "'logprobs' is not supported when 'echo' is true: the prompt's tokens are not scored."));
    }
}
