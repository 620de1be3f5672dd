using System.Text;
using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;

namespace Gemma3Server.Chat;

/// <summary>Makes of a request body a complete <see cref="GenerationRequest"/>, or one error. Nothing below re-validates what a user sent.</summary>
/// <remarks>
/// Thread-safe. To be called when the engine is ready.
/// 1. Read the body; check the messages and every parameter.
/// 2. Refuse a conversation that cannot fit, before it is tokenized: that takes seconds for megabytes of text.
/// 3. Tokenize, when its turn has come.
/// 4. Check that prompt and answer fit.
/// </remarks>
internal sealed class ChatRequestParser(ServedModel model, InferenceEngine engine, PromptTokenizer prompts)
{
    public async ValueTask<ChatParseResult> ParseAsync(
        JsonElement body, ChatHeaders headers, ClientIdentity client, CancellationToken cancellationToken)
    {
        var (tokenizer, limits) = (engine.Tokenizer, engine.Limits);
        if (tokenizer is null || limits is null) throw new InvalidOperationException("A request was parsed before the model was loaded.");

        // 1. Everything but the prompt's length.
        if (!RequestBodyReader.TryRead(body, OpenAiJsonContext.Default.ChatCompletionRequest, out var request, out var error))
            return ChatParseResult.Of(error);
        var ignored = new IgnoredParameters();
        error = GenerationReader.CheckOthers(request, UnsupportedParameters.Chat, ignored);
        if (error is not null || !MessageReader.TryRead(request.Messages, ignored, out var entries, out error, model.ToolForm)) return ChatParseResult.Of(error);
        var checks = new FieldChecks();
        var ending = PromptEndings.Read(request, checks);
        var reader = new ToolReader(ToolShape.Nested, model.ToolForm, checks);
        var tools = reader.Read(request.Tools, request.ToolChoice, request.ParallelToolCalls);
        if (checks.Error is not null || !Conversation.TryCreate(entries, out var conversation, out error, ending, tools?.Preamble ?? ""))
            return ChatParseResult.Of(checks.Error ?? error!);
        var generation = GenerationReader.Read(request, headers, client, tokenizer, checks);
        var askedTokens = ReadMaxTokens(request, checks);
        var choices = Choices.Read("n", request.N, engine, checks);
        var topLogProbs = LogProbsReader.Read(request.Logprobs, request.TopLogprobs, checks);
        var prediction = PredictionReader.Read(request.Prediction, checks);
        var format = StructuredOutputReader.Read(request.ResponseFormat, "response_format", nested: true, request.StructuredOutputs, checks);
        EffectlessFields.Read(request, ignored, checks);
        if (headers.Strict) checks.Add(ignored.Refusal);
        if (checks.Error is not null) return ChatParseResult.Of(checks.Error);
        if (prompts.Template is not { } template)
        {
            return ChatParseResult.Of(
                OpenAiError.Invalid("model", $"The model '{model.Id}' has no chat turn tokens and cannot chat.", "chat_not_supported"));
        }

        // 2. What cannot fit.
        error = ContextLength.CheckLeast("messages", template.LeastTokens(conversation), limits.ContextLength);
        error ??= ContextLength.CheckLeast("prediction", Encoding.UTF8.GetByteCount(prediction) / tokenizer.LongestPiece, limits.ContextLength);
        error ??= StructuredOutputReader.Compile(format, engine, cancellationToken);
        tools = tools is null ? null : tools with { Otherwise = format?.Definition };
        error ??= (tools ?? reader.Unused)?.Compile(engine, cancellationToken);
        if (error is not null) return ChatParseResult.Of(error);

        // 3. Prompt.
        var boundaries = new List<int>();
        var prompt = await prompts.TokenizeAsync(conversation, boundaries, cancellationToken);
        var predicted = prediction.Length > 0 ? await prompts.TokenizeAnswerAsync(prediction, cancellationToken) : [];

        // 4. What does not fit.
        var maxTokens = askedTokens ?? limits.ContextLength - prompt.Length;
        error = ContextLength.Check("messages", prompt.Length, askedTokens, limits.ContextLength)
            ?? GenerationReader.CheckMinTokens(generation.MinTokens, maxTokens);
        if (error is not null) return ChatParseResult.Of(error);
        return ChatParseResult.Of(new ParsedChat
        {
            Conversation = conversation,
            Stream = request.Stream ?? false,
            IncludeUsage = request.StreamOptions?.IncludeUsage ?? false,
            IgnoredParameters = ignored.Names,
            ServiceTier = request.ServiceTier is null ? null : ServiceTier.NameOf(generation.Priority),
            Request = generation with
            {
                Id = $"chatcmpl-{Guid.NewGuid():N}",
                PromptTokens = prompt,
                MaxTokens = maxTokens,
                CacheBoundaries = [.. boundaries],
                TopLogProbs = topLogProbs,
                PredictedTokens = predicted,
                Grammar = tools?.Grammar ?? format?.Definition,
            },
            Tools = tools,
            Choices = choices,
        });
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
}
