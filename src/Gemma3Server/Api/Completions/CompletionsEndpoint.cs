using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Prompts;

namespace Gemma3Server.Api.Completions;

/// <summary><c>POST /v1/completions</c>, OpenAI's older API: a text goes on, without turns.</summary>
/// <remarks>
/// 1. Refuse while the model cannot answer, before the body is read; read it.
/// 2. Parse headers and body into complete generations or one error.
/// 3. Admit them together; a full queue is 429.
/// 4. Answer as a stream or as a whole.
/// </remarks>
internal sealed class CompletionsEndpoint(InferenceEngine engine, ServedModel model, CompletionRequestParser parser, TimeProvider timeProvider)
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

        // 1. State and body.
        if (await JsonPost.ReadAsync(context, engine) is not { } body) return;

        // 2. Parse.
        if (!ChatHeaders.TryRead(context.Request.Headers, out var headers, out var fault))
        {
            await response.WriteErrorAsync(fault);
            return;
        }

        var parsed = await parser.ParseAsync(body, headers, ClientIdentity.Of(context), aborted);
        if (!parsed.IsCompletion)
        {
            await response.WriteErrorAsync(parsed.Error);
            return;
        }

        var completion = parsed.Completion;
        if (completion.IgnoredParameters.Count > 0)
            response.Headers[ChatCompletionsEndpoint.IgnoredHeader] = string.Join(',', completion.IgnoredParameters);

        // 3. Admission.
        var admissions = engine.GenerateAll(completion.Requests, aborted);
        if (admissions[0] is { Admitted: false } refused)
        {
            await response.WriteErrorAsync(refused.Refusal.ToOpenAiError(refused.RetryAfter));
            return;
        }

        // 4. Answer.
        await using var generations = new GenerationGroup(admissions, aborted);
        var measurements = GenerationMeasurements.Of(context);
        measurements.GenerationId = completion.Id;
        var head = new CompletionHead(completion.Id, timeProvider.GetUtcNow().ToUnixTimeSeconds(), model.Id, model.Fingerprint);
        var texts = completion.ReportsLogProbs ? new TokenText(engine.Tokenizer!) : null;
        if (completion.Stream) await new CompletionStream(response, head, completion, measurements, texts, timeProvider).WriteAsync(generations, aborted);
        else await new CompletionWhole(response, head, completion, measurements, texts).WriteAsync(generations, aborted);
    }
}
