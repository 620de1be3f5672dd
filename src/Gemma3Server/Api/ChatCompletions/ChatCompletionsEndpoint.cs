using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Chat;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
/// <remarks>
/// 1. Refuse while the model cannot answer, before the body is read; read it.
/// 2. Parse headers and body into a complete generation or one error.
/// 3. Admit it, once for each answer that is wanted; a full queue is 429.
/// 4. Answer as a stream or as a whole.
/// </remarks>
internal sealed partial class ChatCompletionsEndpoint(
    InferenceEngine engine, ServedModel model, ChatRequestParser parser, TimeProvider timeProvider, ILogger<ChatCompletionsEndpoint> logger)
{
    /// <summary>Name of the operation in the API's document.</summary>
    public const string Name = "createChatCompletion";

    /// <summary>Response header that names the given parameters which have no effect.</summary>
    public const string IgnoredHeader = "x-ignored-params";

    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("/v1/chat/completions", (HttpContext context, ChatCompletionsEndpoint endpoint) => endpoint.HandleAsync(context))
        .WithName(Name).WithTags("Chat").WithSummary("Answers a conversation.")
        .Accepts<ChatCompletionRequest>("application/json")
        .Produces<ChatCompletionResponse>(StatusCodes.Status200OK, "application/json", "text/event-stream")
        .ProducesErrors()
        .WithMetadata(GenerationRoute.Of<ChatCompletionChunk>());

    private async Task HandleAsync(HttpContext context)
    {
        var (request, response, aborted) = (context.Request, context.Response, context.RequestAborted);

        // 1. State and body.
        if (await JsonPost.ReadAsync(context, engine) is not { } body) return;

        // 2. Parse.
        if (!ChatHeaders.TryRead(request.Headers, out var headers, out var fault))
        {
            await response.WriteErrorAsync(fault);
            return;
        }

        var parsed = await parser.ParseAsync(body, headers, ClientIdentity.Of(context), aborted);
        if (!parsed.IsChat)
        {
            await response.WriteErrorAsync(parsed.Error);
            return;
        }

        var chat = parsed.Chat;
        if (chat.IgnoredParameters.Count > 0) response.Headers[IgnoredHeader] = string.Join(',', chat.IgnoredParameters);
        if (logger.IsEnabled(LogLevel.Trace)) LogPrompt(chat.Request.Id, chat.Prompt());

        // 3. Admission.
        var admissions = engine.GenerateAll(Choices.Of(chat.Request, chat.Choices), aborted);
        if (admissions[0] is { Admitted: false } refused)
        {
            await response.WriteErrorAsync(refused.Refusal.ToOpenAiError(refused.RetryAfter));
            return;
        }

        // 4. Answer.
        await using var generations = new GenerationGroup(admissions, aborted);
        var measurements = GenerationMeasurements.Of(context);
        measurements.GenerationId = chat.Request.Id;
        var created = timeProvider.GetUtcNow().ToUnixTimeSeconds();
        var head = new ChatCompletionHead(chat.Request.Id, created, model.Id, model.Fingerprint, chat.ServiceTier);
        var texts = chat.Request.TopLogProbs is null ? null : new TokenText(engine.Tokenizer!);
        if (chat.Stream)
        {
            await new ChatCompletionStream(response, head, chat, measurements, texts, timeProvider).WriteAsync(generations, aborted);
            return;
        }

        var answers = await new ChatCompletionWhole(response, head, chat, measurements, texts).WriteAsync(generations, aborted);
        if (answers is null || !logger.IsEnabled(LogLevel.Trace)) return;
        foreach (var answer in answers) LogCompletion(head.Id, answer);
    }

    [LoggerMessage(LogLevel.Trace, "{GenerationId} prompt: {Prompt}")]
    private partial void LogPrompt(string generationId, string prompt);

    [LoggerMessage(LogLevel.Trace, "{GenerationId} completion: {Completion}")]
    private partial void LogCompletion(string generationId, string completion);
}
