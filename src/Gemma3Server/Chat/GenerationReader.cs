using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;
using Gemma3Server.Runtime;

namespace Gemma3Server.Chat;

/// <summary>Reads what requests for a generation have in common, whichever endpoint they came to.</summary>
internal static class GenerationReader
{
    /// <summary>Each is looked for after each token, so that an unbounded number would slow down everybody.</summary>
    public const int MaxStopTokens = 128;

    /// <summary>The generation that the fields and headers ask for, still without id, prompt and token limit.</summary>
    public static GenerationRequest Read(
        GenerationFields fields, ChatHeaders headers, ClientIdentity client, ITokenizer tokenizer, FieldChecks checks)
    {
        var read = new GenerationRequest
        {
            Id = "",
            PromptTokens = [],
            MaxTokens = 0,
            Sampling = SamplingReader.Read(fields, tokenizer, checks),
            Stop = StopReader.Read(fields.Stop, checks),
            StopTokens = ReadStopTokens(fields.StopTokenIds, tokenizer, checks),
            MinTokens = checks.Integer("min_tokens", fields.MinTokens, 0, 0),
            IgnoreEndOfGeneration = fields.IgnoreEos ?? false,
            ReusePrefix = fields.CachePrompt ?? true,
            Deterministic = headers.Deterministic,
            Priority = ServiceTier.Read(fields.ServiceTier, checks),
            ClientKey = client.Key,
            Timeout = headers.Timeout,
        };
        if (fields.StreamOptions is not null && fields.Stream != true)
            checks.Add(OpenAiError.OutOfRange("stream_options", "'stream_options' is only allowed when 'stream' is true."));
        return read;
    }

    /// <summary>The refusal of a <c>min_tokens</c> that the answer cannot reach; null when it can.</summary>
    public static OpenAiError? CheckMinTokens(int minTokens, int maxTokens) => minTokens <= maxTokens
        ? null
        : OpenAiError.OutOfRange("min_tokens", $"'min_tokens' must be at most the {maxTokens} tokens that the answer may have, but is {minTokens}.");

    /// <summary>Refuses fields that would change the answer and cannot be honoured, and notes those without effect.</summary>
    public static OpenAiError? CheckOthers(GenerationFields fields, UnsupportedParameters unsupported, IgnoredParameters ignored)
    {
        foreach (var (name, value) in fields.Others ?? new Dictionary<string, JsonElement>())
        {
            if (unsupported.Check(name, value) is { } error) return error;
            if (!unsupported.Knows(name) && !value.IsNull()) ignored.Add(name);
        }

        ignored.AddAll("stream_options.", fields.StreamOptions?.Others);
        return null;
    }

    private static int[] ReadStopTokens(IReadOnlyList<long>? tokens, ITokenizer tokenizer, FieldChecks checks)
    {
        if (tokens is null) return [];
        if (tokens.Count > MaxStopTokens) checks.Fail("stop_token_ids", $"at most {MaxStopTokens} tokens", $"{tokens.Count}");
        var read = new int[Math.Min(tokens.Count, MaxStopTokens)];
        for (var i = 0; i < read.Length; i++) read[i] = checks.Integer($"stop_token_ids[{i}]", tokens[i], 0, 0, tokenizer.VocabularySize - 1);
        return read;
    }
}
