using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Hosting;

namespace Gemma3Server.Responses;

/// <summary>Makes of a request body a response that can be run, or one error. Nothing below re-validates what a user sent.</summary>
/// <remarks>
/// Thread-safe. To be called when the engine is ready.
/// 1. Read the body; check the input and every parameter.
/// 2. Fetch the conversation that is continued, and stored items that are referred to.
/// 3. Tokenize, and drop from the beginning what does not fit, where that is wanted.
/// </remarks>
internal sealed class ResponseRequestParser(
    ServedModel model, InferenceEngine engine, PromptTokenizer prompts, ResponseStore store, TimeProvider timeProvider)
{
    private readonly ContextAssembly _assembly = new(store, model.ToolForm);
    private readonly PromptFitting _fitting = new(prompts);

    /// <exception cref="StorageException">The conversation that is continued cannot be read.</exception>
    public async Task<ResponseParseResult> ParseAsync(
        JsonElement body, ChatHeaders headers, ClientIdentity client, string owner, CancellationToken cancellationToken)
    {
        // 1. Everything but the prompt.
        var read = Read(body, headers, client);
        if (read.Error is { } error) return error;
        var (request, parts, generation, ignored) = (read.Request!, read.Parts!, read.Generation!, read.Ignored);
        var tools = read.Tools is null ? null : read.Tools with { Otherwise = read.Format?.Definition };
        if ((StructuredOutputReader.Compile(read.Format, engine, cancellationToken) ?? (tools ?? read.UnusedTools)?.Compile(engine, cancellationToken)) is { } unusable) return unusable;

        // 2. Conversation.
        var (entries, input, fault) = await _assembly.AssembleAsync(read.Body!.Id, request, parts, owner);
        if (fault is not null) return fault;

        // 3. Prompt.
        var contextLength = engine.Limits!.ContextLength;
        var asked = read.Body.MaxOutputTokens;
        var prompt = await _fitting.FitAsync(entries, tools?.Preamble ?? "", asked, request.Truncation == "auto", contextLength, cancellationToken);
        var maxTokens = asked ?? contextLength - prompt.Tokens.Length;
        if ((prompt.Error ?? GenerationReader.CheckMinTokens(generation.MinTokens, maxTokens)) is { } unfit) return unfit;
        return new ParsedResponse
        {
            Body = read.Body,
            Input = input,
            Conversation = prompt.Conversation!,
            Stream = request.Stream ?? false,
            IgnoredParameters = ignored.Names,
            Tools = tools,
            Request = generation with
            {
                Id = read.Body.Id,
                PromptTokens = prompt.Tokens,
                MaxTokens = maxTokens,
                CacheBoundaries = prompt.Boundaries,
                Grammar = tools?.Grammar ?? read.Format?.Definition,
            },
        };
    }

    /// <summary>Counts the tokens of the prompt that such a request has; the other fields are checked all the same.</summary>
    /// <exception cref="StorageException">The conversation that is continued cannot be read.</exception>
    public async Task<(int Tokens, IReadOnlyList<string> IgnoredParameters, OpenAiError? Error)> CountAsync(
        JsonElement body, ChatHeaders headers, ClientIdentity client, string owner, CancellationToken cancellationToken)
    {
        var read = Read(body, headers, client);
        if (read.Error is not null) return (0, [], read.Error);
        var (entries, _, fault) = await _assembly.AssembleAsync(read.Body!.Id, read.Request!, read.Parts!, owner);
        if (fault is not null) return (0, [], fault);
        var prompt = await _fitting.TokenizeAsync(entries, read.Tools?.Preamble ?? "", engine.Limits!.ContextLength, cancellationToken);
        return (prompt.Tokens.Length, read.Ignored.Names, prompt.Error);
    }

    private ReadRequest Read(JsonElement body, ChatHeaders headers, ClientIdentity client)
    {
        var tokenizer = engine.Tokenizer ?? throw new InvalidOperationException("A request was parsed before the model was loaded.");
        var ignored = new IgnoredParameters();
        if (!RequestBodyReader.TryRead(body, OpenAiJsonContext.Default.ResponseRequest, out var request, out var error)) return new(ignored, error);
        error = GenerationReader.CheckOthers(request, UnsupportedParameters.Responses, ignored);
        if (error is not null || !InputReader.TryRead(request.Input, ignored, out var parts, out error)) return new(ignored, error);

        var checks = new FieldChecks();
        var generation = GenerationReader.Read(request, headers, client, tokenizer, checks);
        var reader = new ToolReader(ToolShape.Flat, model.ToolForm, checks);
        var tools = reader.Read(request.Tools, request.ToolChoice, request.ParallelToolCalls);
        var (response, topLogProbs, format) = ResponseFields.Read(
            request, generation, model, timeProvider.GetUtcNow().ToUnixTimeSeconds(), ignored, checks);
        if (headers.Strict) checks.Add(ignored.Refusal);
        if (checks.Error is null && prompts.Template is null)
            checks.Add(OpenAiError.Invalid("model", $"The model '{model.Id}' has no chat turn tokens and cannot chat.", "chat_not_supported"));
        return new(ignored, checks.Error)
        {
            Request = request,
            Parts = parts,
            Generation = generation with { TopLogProbs = topLogProbs },
            Body = response,
            Tools = tools,
            UnusedTools = reader.Unused,
            Format = format,
        };
    }

    private sealed record ReadRequest(IgnoredParameters Ignored, OpenAiError? Error)
    {
        public ResponseRequest? Request { get; init; }

        public List<InputPart>? Parts { get; init; }

        public GenerationRequest? Generation { get; init; }

        public ResponseBody? Body { get; init; }

        public ToolUse? UnusedTools { get; init; }

        public ToolUse? Tools { get; init; }

        public (GrammarDefinition Definition, string Field)? Format { get; init; }
    }
}
