using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Chat;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary><c>POST /v1/chat/completions</c>.</summary>
/// <remarks>
/// 1. Read the request and get hold of its model, or refuse.
/// 2. Parse it into a complete generation or one error.
/// 3. Admit it, once for each answer that is wanted; a full queue is 429.
/// 4. Answer as a stream or as a whole.
/// </remarks>
internal sealed partial class ChatCompletionsEndpoint(
    ModelCalls calls, TimeProvider timeProvider, ILogger<ChatCompletionsEndpoint> logger)
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
        var (response, aborted) = (context.Response, context.RequestAborted);

        // 1. Model.
        using var call = await calls.OpenAsync(context);
        if (call is null) return;

        // 2. Parse.
        var parsed = await call.Session.Chat.ParseAsync(call.Body, call.Headers, ClientIdentity.Of(context), aborted);
        if (!parsed.IsChat)
        {
            await response.WriteErrorAsync(parsed.Error);
            return;
        }

        var chat = parsed.Chat;
        response.NameIgnored(chat.IgnoredParameters);
        if (logger.IsEnabled(LogLevel.Trace)) LogPrompt(chat.Request.Id, chat.Prompt());

        // 3. Admission.
        var admissions = call.Engine.GenerateAll(Choices.Of(chat.Request, chat.Choices), aborted);
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
        var head = new ChatCompletionHead(chat.Request.Id, created, call.Model.Id, call.Model.Fingerprint, chat.ServiceTier);
        var texts = chat.Request.TopLogProbs is null ? null : new TokenText(call.Engine.Tokenizer!);
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
