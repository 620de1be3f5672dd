using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;
using Gemma3Server.Responses;

namespace Gemma3Server.Api.Responses;

/// <summary>What can be done with a stored response: <c>GET</c> (also as a stream), <c>DELETE</c>, <c>cancel</c> and <c>input_items</c>.</summary>
internal sealed class StoredResponsesEndpoint(ResponseStore store, ResponseRuns runs, HttpSettings settings, TimeProvider timeProvider)
{
    private const string Path = "/v1/responses/{id}";

    public static void Map(IEndpointRouteBuilder routes)
    {
        Describe(routes.MapGetAndHead(Path, (HttpContext context, StoredResponsesEndpoint endpoint, string id) => endpoint.RetrieveAsync(context, id)),
            "getResponse", "Tells how a stored response stands, or its events again.")
            .Produces<ResponseBody>(StatusCodes.Status200OK, "application/json", "text/event-stream");
        Describe(routes.MapDelete(Path, (HttpContext context, StoredResponsesEndpoint endpoint, string id) => endpoint.DeleteAsync(context, id)),
            "deleteResponse", "Deletes a stored response; one that runs in the background is cancelled.")
            .Produces<DeletedResponse>();
        Describe(routes.MapPost($"{Path}/cancel", (HttpContext context, StoredResponsesEndpoint endpoint, string id) => endpoint.CancelAsync(context, id)),
            "cancelResponse", "Cancels a response that runs in the background.")
            .Produces<ResponseBody>();
        Describe(routes.MapGetAndHead(
                $"{Path}/input_items", (HttpContext context, StoredResponsesEndpoint endpoint, string id) => endpoint.ListInputAsync(context, id)),
            "listInputItems", "Lists the input items of a stored response.")
            .Produces<ResponseItemList>();
    }

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder route, string name, string summary) => route
        .WithName(name).WithTags("Responses").WithSummary(summary)
        .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
        .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
        .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
        .Produces<ErrorResponse>(StatusCodes.Status503ServiceUnavailable)
        .AddEndpointFilter(ResponseAccess.AnswerStorageFaultsAsync);

    private async Task RetrieveAsync(HttpContext context, string id)
    {
        var (response, aborted) = (context.Response, context.RequestAborted);
        var query = new QueryFields(context.Request);
        var stream = query.Flag("stream");
        var after = query.Number("starting_after", 0, int.MaxValue);
        if (after is not null && !stream)
            query.Fail("starting_after", "'starting_after' is only allowed when 'stream' is true.");
        if (!await query.AcceptAsync(response)) return;

        var owner = ResponseAccess.Owner(context, settings);
        var from = (after ?? -1) + 1;
        if (runs.Find(id, owner) is { } run)
        {
            if (stream) await ResponseStream.FollowAsync(response, run, from, timeProvider, aborted);
            else await response.WriteJsonAsync(run.Body, OpenAiJsonContext.Relaxed.ResponseBody);
        }
        else if (await store.FindAsync(id, owner) is not { } stored) await response.WriteErrorAsync(ResponseAccess.NotFound(id));
        else if (stream) await ResponseStream.ReplayAsync(response, ResponseNarrator.Replay(Settled(stored.Body), stored.Deltas).Skip(from), aborted);
        else await response.WriteJsonAsync(Settled(stored.Body), OpenAiJsonContext.Relaxed.ResponseBody);
    }

    private async Task DeleteAsync(HttpContext context, string id)
    {
        var owner = ResponseAccess.Owner(context, settings);
        await runs.CancelAsync(id, owner);
        if (await store.DeleteAsync(id, owner))
            await context.Response.WriteJsonAsync(new DeletedResponse(id), OpenAiJsonContext.Relaxed.DeletedResponse);
        else await context.Response.WriteErrorAsync(ResponseAccess.NotFound(id));
    }

    private async Task CancelAsync(HttpContext context, string id)
    {
        var (response, owner) = (context.Response, ResponseAccess.Owner(context, settings));
        var body = (await runs.CancelAsync(id, owner))?.Body ?? (await store.FindAsync(id, owner))?.Body;
        if (body is null) await response.WriteErrorAsync(ResponseAccess.NotFound(id));
        else if (body.Background) await response.WriteJsonAsync(Settled(body), OpenAiJsonContext.Relaxed.ResponseBody);
        else
        {
            await response.WriteErrorAsync(OpenAiError.Invalid("response_id",
                "Only responses that were created with 'background' set to true can be cancelled; to cancel another one, close its connection.",
                "response_not_cancellable"));
        }
    }

    private async Task ListInputAsync(HttpContext context, string id)
    {
        var response = context.Response;
        var query = new QueryFields(context.Request);
        var limit = query.Number("limit", 1, 100) ?? 20;
        var descending = query.Word("order", "asc", "desc") != "asc";
        var (after, before) = (query.Text("after"), query.Text("before"));
        if (!await query.AcceptAsync(response)) return;
        if (await store.FindAsync(id, ResponseAccess.Owner(context, settings)) is not { } stored)
        {
            await response.WriteErrorAsync(ResponseAccess.NotFound(id));
            return;
        }

        var items = descending ? stored.Input.Reverse().ToList() : [.. stored.Input];
        var (from, to) = (0, items.Count);
        if (after is not null) from = items.FindIndex(item => item.Id == after) + 1;
        if (before is not null) to = items.FindIndex(item => item.Id == before);
        if ((after is not null && from == 0) || to < 0)
        {
            var (name, item) = to < 0 ? ("before", before!) : ("after", after!);
            await response.WriteErrorAsync(OpenAiError.OutOfRange(name, $"'{name}' must be the id of an input item of the response, but is '{Excerpt.Of(item)}'."));
            return;
        }

        var page = items.Take(to).Skip(from).Take(limit).ToList();
        await response.WriteJsonAsync(new ResponseItemList(page, from + page.Count < to), OpenAiJsonContext.Relaxed.ResponseItemList);
    }

    /// <summary>A response that runs only in the file has ended without being able to say so.</summary>
    private static ResponseBody Settled(ResponseBody body) => ResponseStatus.IsRunning(body.Status)
        ? body with { Status = ResponseStatus.Failed, Error = ResponseErrorBody.Server("The end of the response could not be stored.") }
        : body;
}
