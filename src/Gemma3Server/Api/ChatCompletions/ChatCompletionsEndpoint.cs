using System.Text;
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
/// 3. Admit it; a full queue is 429.
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
        var admission = engine.Generate(chat.Request, aborted);
        if (!admission.Admitted)
        {
            await response.WriteErrorAsync(admission.Refusal.ToOpenAiError(admission.RetryAfter));
            return;
        }

        // 4. Answer.
        var measurements = GenerationMeasurements.Of(context);
        measurements.GenerationId = chat.Request.Id;
        var created = timeProvider.GetUtcNow().ToUnixTimeSeconds();
        var head = new ChatCompletionHead(chat.Request.Id, created, model.Id, model.Fingerprint, chat.ServiceTier);
        if (chat.Stream)
        {
            var stream = new ChatCompletionStream(response, head, chat.IncludeUsage, measurements, timeProvider);
            await stream.WriteAsync(admission, aborted);
        }
        else
        {
            await AnswerAsync(response, head, admission.Events, measurements, aborted);
        }
    }

    private async Task AnswerAsync(
        HttpResponse response, ChatCompletionHead head, IAsyncEnumerable<GenerationEvent> events, GenerationMeasurements measurements,
        CancellationToken aborted)
    {
        var text = new StringBuilder();
        await foreach (var current in events.WithCancellation(aborted))
        {
            switch (current)
            {
                case GenerationEvent.Started started:
                    measurements.Started(started);
                    break;
                case GenerationEvent.Text part:
                    measurements.Generated(part.Tokens);
                    text.Append(part.Value);
                    break;
                case GenerationEvent.Failed failed:
                    measurements.Outcome = failed.Error.ToString();
                    await response.WriteErrorAsync(failed.ToOpenAiError());
                    return;
                case GenerationEvent.Finished finished:
                    measurements.Generated(finished.CompletionTokens);
                    measurements.Outcome = finished.Reason.ToWireName();
                    var message = new AssistantMessage("assistant", text.ToString(), null);
                    if (logger.IsEnabled(LogLevel.Trace)) LogCompletion(head.Id, message.Content);
                    await response.WriteJsonAsync(Whole(head, message, measurements), OpenAiJsonContext.Relaxed.ChatCompletionResponse);
                    return;
            }
        }

        // Events that end without an outcome: the generation was cancelled, so nobody reads the answer.
        aborted.ThrowIfCancellationRequested();
    }

    private static ChatCompletionResponse Whole(ChatCompletionHead head, AssistantMessage message, GenerationMeasurements measurements) => new()
    {
        Id = head.Id,
        Created = head.Created,
        Model = head.Model,
        ServiceTier = head.ServiceTier,
        SystemFingerprint = head.SystemFingerprint,
        Choices = [new(0, message, null, measurements.Outcome)],
        Usage = Usage.Of(measurements),
    };

    [LoggerMessage(LogLevel.Trace, "{GenerationId} prompt: {Prompt}")]
    private partial void LogPrompt(string generationId, string prompt);

    [LoggerMessage(LogLevel.Trace, "{GenerationId} completion: {Completion}")]
    private partial void LogCompletion(string generationId, string completion);
}
