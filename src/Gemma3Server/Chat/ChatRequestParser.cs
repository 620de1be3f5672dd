using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;

namespace Gemma3Server.Chat;

/// <summary>Makes of a request body a complete <see cref="GenerationRequest"/>, or one error. Nothing below re-validates what a user sent.</summary>
/// <remarks>
/// Thread-safe. To be called when the engine is ready.
/// 1. Read the body; check the model's name, the messages and every parameter.
/// 2. Refuse a conversation that cannot fit, before it is tokenized: that takes seconds for megabytes of text.
/// 3. Tokenize, as many requests at a time as there are processors; others wait without a thread, and leave with their client.
/// 4. Check that prompt and answer fit.
/// </remarks>
internal sealed class ChatRequestParser(ServedModel model, InferenceEngine engine) : IDisposable
{
    private readonly SemaphoreSlim _tokenizations = new(Environment.ProcessorCount);

    // Made once: the engine has one model for life.
    private ChatTemplate? _template;

    public async ValueTask<ChatParseResult> ParseAsync(
        ReadOnlyMemory<byte> body, ChatHeaders headers, ClientIdentity client, CancellationToken cancellationToken)
    {
        var (tokenizer, limits) = (engine.Tokenizer, engine.Limits);
        if (tokenizer is null || limits is null) throw new InvalidOperationException("A request was parsed before the model was loaded.");

        // 1. Everything but the prompt's length.
        if (!RequestBodyReader.TryRead(body, out var request, out var error)) return ChatParseResult.Of(error);
        var ignored = new IgnoredParameters();
        error = CheckModel(request) ?? CheckOthers(request, ignored);
        if (error is not null || !MessageReader.TryRead(request.Messages, ignored, out var entries, out error)) return ChatParseResult.Of(error);
        if (!Conversation.TryCreate(entries, out var conversation, out error)) return ChatParseResult.Of(error);
        var checks = new FieldChecks();
        var sampling = SamplingReader.Read(request, tokenizer, checks);
        var stop = StopReader.Read(request.Stop, checks);
        var priority = ServiceTier.Read(request.ServiceTier, checks);
        var askedTokens = ReadMaxTokens(request, checks);
        if (request.StreamOptions is not null && request.Stream != true)
            checks.Add(OpenAiError.OutOfRange("stream_options", "'stream_options' is only allowed when 'stream' is true."));
        if (headers.Strict && ignored.Names is [var first, ..])
            checks.Add(OpenAiError.UnsupportedParameter(first, $"'{string.Join("', '", ignored.Names)}' has no effect on this server."));
        if (checks.Error is not null) return ChatParseResult.Of(checks.Error);
        if (Template(tokenizer) is not { } template)
        {
            return ChatParseResult.Of(
                OpenAiError.Invalid("model", $"The model '{model.Id}' has no chat turn tokens and cannot chat.", "chat_not_supported"));
        }

        // 2. What cannot fit.
        if (template.LeastTokens(conversation) is var least && least > limits.ContextLength)
            return ChatParseResult.Of(TooLong(limits.ContextLength, $"at least {least} tokens."));

        // 3. Prompt.
        var boundaries = new List<int>();
        var prompt = await TokenizeAsync(template, conversation, boundaries, cancellationToken);

        // 4. What does not fit.
        if ((error = CheckContext(prompt.Length, askedTokens, limits.ContextLength)) is not null) return ChatParseResult.Of(error);
        return ChatParseResult.Of(new ParsedChat
        {
            Conversation = conversation,
            Stream = request.Stream ?? false,
            IncludeUsage = request.StreamOptions?.IncludeUsage ?? false,
            IgnoredParameters = ignored.Names,
            ServiceTier = request.ServiceTier is null ? null : ServiceTier.NameOf(priority),
            Request = new()
            {
                Id = $"chatcmpl-{Guid.NewGuid():N}",
                PromptTokens = prompt,
                MaxTokens = askedTokens ?? limits.ContextLength - prompt.Length,
                Sampling = sampling,
                Stop = stop,
                IgnoreEndOfGeneration = request.IgnoreEos ?? false,
                ReusePrefix = request.CachePrompt ?? true,
                Deterministic = headers.Deterministic,
                Priority = priority,
                ClientKey = client.Key,
                Timeout = headers.Timeout,
                CacheBoundaries = [.. boundaries],
            },
        });
    }

    public void Dispose() => _tokenizations.Dispose();

    private async ValueTask<int[]> TokenizeAsync(
        ChatTemplate template, Conversation conversation, List<int> boundaries, CancellationToken cancellationToken)
    {
        await _tokenizations.WaitAsync(cancellationToken);
        try
        {
            return template.Tokenize(conversation, boundaries, cancellationToken);
        }
        finally
        {
            _tokenizations.Release();
        }
    }

    private ChatTemplate? Template(ITokenizer tokenizer)
    {
        // Two threads may both make it; the results are the same.
        if (_template is null && ChatTemplate.TryCreate(tokenizer, out var created)) _template = created;
        return _template;
    }

    private OpenAiError? CheckModel(ChatCompletionRequest request) => request.Model switch
    {
        null => null, // one model is served: a request by hand need not name it
        var id when id != model.Id => OpenAiError.ModelNotFound(id, model.Id),
        _ => null,
    };

    private static OpenAiError? CheckOthers(ChatCompletionRequest request, IgnoredParameters ignored)
    {
        foreach (var (name, value) in request.Others ?? new Dictionary<string, JsonElement>())
        {
            if (UnsupportedParameters.Check(name, value) is { } error) return error;
            if (!UnsupportedParameters.Knows(name) && !value.IsNull()) ignored.Add(name);
        }

        ignored.AddAll("stream_options.", request.StreamOptions?.Others);
        return null;
    }

    private static int? ReadMaxTokens(ChatCompletionRequest request, FieldChecks checks)
    {
        var (older, current) = (request.MaxTokens, request.MaxCompletionTokens);
        if (older is null && current is null) return null;
        if (older is not null && current is not null && older != current)
        {
            checks.Add(OpenAiError.OutOfRange("max_completion_tokens",
                $"'max_tokens' ({older}) and 'max_completion_tokens' ({current}) must not be given at the same time with different values."));
        }

        var name = current is null ? "max_tokens" : "max_completion_tokens";
        return checks.Integer(name, current ?? older, 1, 1);
    }

    private static OpenAiError? CheckContext(int promptTokens, int? askedTokens, int contextLength)
    {
        if (promptTokens >= contextLength)
        {
            return TooLong(contextLength,
                $"{promptTokens} tokens" + (promptTokens == contextLength ? ", which leaves no room for an answer." : "."));
        }

        return promptTokens + (long)(askedTokens ?? 0) > contextLength
            ? OpenAiError.Invalid("messages",
                $"This server's context length is {contextLength} tokens, but the request needs {promptTokens + (long)askedTokens!} "
                + $"({promptTokens} in the messages, {askedTokens} in the completion).",
                "context_length_exceeded")
            : null;
    }

    private static OpenAiError TooLong(int contextLength, string length) => OpenAiError.Invalid("messages",
        $"This server's context length is {contextLength} tokens, but the messages have {length}", "context_length_exceeded");
}
