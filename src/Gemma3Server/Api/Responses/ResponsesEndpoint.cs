using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Chat;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Responses;

namespace Gemma3Server.Api.Responses;

/// <summary><c>POST /v1/responses</c> and <c>POST /v1/responses/input_tokens</c>.</summary>
/// <remarks>
/// 1. Read the request and get hold of its model, or refuse.
/// 2. Parse it into a complete response or one error.
/// 3. Admit it; a full queue is 429.
/// 4. Store it as running, if it is to be stored: what cannot be stored is refused before anybody counts on it.
/// 5. Answer as a stream, as a whole, or at once when it runs in the background.
/// </remarks>
internal sealed partial class ResponsesEndpoint(
    ModelCalls calls, ResponseStore store, ResponseRuns runs, HttpSettings settings, TimeProvider timeProvider,
    ILogger<ResponsesEndpoint> logger)
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/responses", (HttpContext context, ResponsesEndpoint endpoint) => endpoint.CreateAsync(context))
            .WithName("createResponse").WithTags("Responses").WithSummary("Answers a conversation that the server may keep.")
            .Accepts<ResponseRequest>("application/json")
            .Produces<ResponseBody>(StatusCodes.Status200OK, "application/json", "text/event-stream")
            .ProducesErrors()
            .AddEndpointFilter(ResponseAccess.AnswerStorageFaultsAsync)
            .WithMetadata(GenerationRoute.Of<ResponseEvent>());
        routes.MapPost("/v1/responses/input_tokens", (HttpContext context, ResponsesEndpoint endpoint) => endpoint.CountAsync(context))
            .WithName("countResponseInputTokens").WithTags("Responses").WithSummary("Counts the tokens of a request without generating.")
            .Accepts<ResponseRequest>("application/json")
            .Produces<ResponseInputTokens>()
            .ProducesErrors()
            .AddEndpointFilter(ResponseAccess.AnswerStorageFaultsAsync);
    }

    private async Task CreateAsync(HttpContext context)
    {
        var (response, aborted) = (context.Response, context.RequestAborted);

        // 1. Model.
        using var call = await calls.OpenAsync(context);
        if (call is null) return;

        // 2. Parse.
        var owner = ResponseAccess.Owner(context, settings);
        var parsed = await call.Session.Responses.ParseAsync(call.Body, call.Headers, ClientIdentity.Of(context), owner, aborted);
        if (!parsed.IsResponse)
        {
            await response.WriteErrorAsync(parsed.Error);
            return;
        }

        var wanted = parsed.Response;
        response.NameIgnored(wanted.IgnoredParameters);
        if (logger.IsEnabled(LogLevel.Trace)) LogPrompt(wanted.Body.Id, ChatTemplate.Render(wanted.Conversation));

        // 3. Admission.
        var cancellation = wanted.Body.Background ? new CancellationTokenSource() : null;
        var cancelled = cancellation?.Token ?? aborted;
        var admission = call.Engine.Generate(wanted.Request, cancelled);
        if (!admission.Admitted)
        {
            await response.WriteErrorAsync(admission.Refusal.ToOpenAiError(admission.RetryAfter));
            return;
        }

        // 4. Storage.
        if (wanted.Body.Store) await StoreAsync(wanted, owner, admission);

        // 5. Answer.
        var measurements = wanted.Body.Background ? new GenerationMeasurements(timeProvider) : GenerationMeasurements.Of(context);
        if (!wanted.Body.Background) measurements.GenerationId = wanted.Body.Id;
        var run = runs.Start(wanted, owner, call, admission, measurements, cancellation, cancelled);
        if (wanted.Stream) await StreamAsync(response, run, aborted);
        else if (wanted.Body.Background) await response.WriteJsonAsync(wanted.Body, OpenAiJsonContext.Relaxed.ResponseBody);
        else await AnswerAsync(response, run, aborted);
    }

    private async Task StoreAsync(ParsedResponse wanted, string owner, GenerationAdmission admission)
    {
        try
        {
            await store.AddAsync(new() { Owner = owner, Body = wanted.Body, Input = wanted.Input });
        }
        catch
        {
            // Ends the generation, which nobody will read.
            await admission.Events!.GetAsyncEnumerator(CancellationToken.None).DisposeAsync();
            throw;
        }
    }

    private async Task StreamAsync(HttpResponse response, ResponseRun run, CancellationToken aborted)
    {
        try
        {
            await ResponseStream.FollowAsync(response, run, 0, timeProvider, aborted);
        }
        finally
        {
            // The client's leaving ends it, too; the request is logged when that has happened.
            if (!run.Body.Background) await run.Ended;
        }
    }

    private async Task AnswerAsync(HttpResponse response, ResponseRun run, CancellationToken aborted)
    {
        await run.Ended;
        if (run.Failure is { } failure)
        {
            await response.WriteErrorAsync(failure.ToOpenAiError());
            return;
        }

        aborted.ThrowIfCancellationRequested();
        if (logger.IsEnabled(LogLevel.Trace)) LogCompletion(run.Id, string.Join('\n', run.Body.Output.Select(item => item.Content?[0].Text ?? $"{item.Name}{item.Arguments}")));
        await response.WriteJsonAsync(run.Body, OpenAiJsonContext.Relaxed.ResponseBody);
    }

    private async Task CountAsync(HttpContext context)
    {
        var response = context.Response;
        using var call = await calls.OpenAsync(context);
        if (call is null) return;
        var owner = ResponseAccess.Owner(context, settings);
        var (tokens, ignored, error) = await call.Session.Responses.CountAsync(call.Body, call.Headers, ClientIdentity.Of(context), owner, context.RequestAborted);
        response.NameIgnored(ignored);
        if (error is not null) await response.WriteErrorAsync(error);
        else await response.WriteJsonAsync(new ResponseInputTokens(tokens), OpenAiJsonContext.Relaxed.ResponseInputTokens);
    }

    [LoggerMessage(LogLevel.Trace, "{ResponseId} prompt: {Prompt}")]
    private partial void LogPrompt(string responseId, string prompt);

    [LoggerMessage(LogLevel.Trace, "{ResponseId} completion: {Completion}")]
    private partial void LogCompletion(string responseId, string completion);
}
