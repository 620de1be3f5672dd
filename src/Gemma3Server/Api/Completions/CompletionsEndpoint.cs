using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;

namespace Gemma3Server.Api.Completions;

/// <summary><c>POST /v1/completions</c>, OpenAI's older API: a text goes on, without turns.</summary>
/// <remarks>
/// 1. Read the request and get hold of its model, or refuse.
/// 2. Parse it into complete generations or one error.
/// 3. Admit them together; a full queue is 429.
/// 4. Answer as a stream or as a whole.
/// </remarks>
internal sealed class CompletionsEndpoint(ModelCalls calls, TimeProvider timeProvider)
{
    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("/v1/completions", (HttpContext context, CompletionsEndpoint endpoint) => endpoint.HandleAsync(context))
        .WithName("createCompletion").WithTags("Completions").WithSummary("Continues texts.")
        .Accepts<CompletionRequest>("application/json")
        .Produces<CompletionBodyWithUsage>(StatusCodes.Status200OK, "application/json", "text/event-stream")
        .ProducesErrors()
        .WithMetadata(GenerationRoute.Of<CompletionBody>());

    private async Task HandleAsync(HttpContext context)
    {
        var (response, aborted) = (context.Response, context.RequestAborted);

        // 1. Model.
        using var call = await calls.OpenAsync(context);
        if (call is null) return;

        // 2. Parse.
        var parsed = await call.Session.Completions.ParseAsync(call.Body, call.Headers, ClientIdentity.Of(context), aborted);
        if (!parsed.IsCompletion)
        {
            await response.WriteErrorAsync(parsed.Error);
            return;
        }

        var completion = parsed.Completion;
        response.NameIgnored(completion.IgnoredParameters);

        // 3. Admission.
        var admissions = call.Engine.GenerateAll(completion.Requests, aborted);
        if (admissions[0] is { Admitted: false } refused)
        {
            await response.WriteErrorAsync(refused.Refusal.ToOpenAiError(refused.RetryAfter));
            return;
        }

        // 4. Answer.
        await using var generations = new GenerationGroup(admissions, aborted);
        var measurements = GenerationMeasurements.Of(context);
        measurements.GenerationId = completion.Id;
        var head = new CompletionHead(completion.Id, timeProvider.GetUtcNow().ToUnixTimeSeconds(), call.Model.Id, call.Model.Fingerprint);
        var texts = completion.ReportsLogProbs ? new TokenText(call.Engine.Tokenizer!) : null;
        if (completion.Stream) await new CompletionStream(response, head, completion, measurements, texts, timeProvider).WriteAsync(generations, aborted);
        else await new CompletionWhole(response, head, completion, measurements, texts).WriteAsync(generations, aborted);
    }
}
