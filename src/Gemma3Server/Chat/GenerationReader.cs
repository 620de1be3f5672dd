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
}
