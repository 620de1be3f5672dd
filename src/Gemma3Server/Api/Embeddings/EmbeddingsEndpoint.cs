using System.Numerics.Tensors;
using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Chat;
using Gemma3Server.Prompts;

namespace Gemma3Server.Api.Embeddings;

/// <summary><c>POST /v1/embeddings</c>.</summary>
/// <remarks>
/// 1. Read the request and get hold of its model, or refuse.
/// 2. Check every field, and tokenize.
/// 3. Embed; a full queue is 429.
/// 4. Cut the vectors where fewer dimensions are asked for, and answer.
/// </remarks>
internal sealed class EmbeddingsEndpoint(ModelCalls calls)
{
    /// <summary>OpenAI's bound.</summary>
    public const int MaxInputs = 2048;

    public static readonly string[] Encodings = ["float", "base64"];

    public static void Map(IEndpointRouteBuilder routes) => routes
        .MapPost("/v1/embeddings", (HttpContext context, EmbeddingsEndpoint endpoint) => endpoint.HandleAsync(context))
        .WithName("createEmbedding").WithTags("Embeddings")
        .WithSummary("Embeds texts: the mean of the hidden states of a text's tokens, made a vector of length 1.")
        .Accepts<EmbeddingsRequest>("application/json")
        .Produces<EmbeddingsResponse>()
        .ProducesErrors()
        .WithMetadata(new GenerationRoute(Event: null));

    private async Task HandleAsync(HttpContext context)
    {
        var (response, aborted) = (context.Response, context.RequestAborted);

        // 1. Model.
        using var call = await calls.OpenAsync(context);
        if (call is null) return;
        var (engine, headers) = (call.Engine, call.Headers);
        if (!RequestBodyReader.TryRead(call.Body, OpenAiJsonContext.Default.EmbeddingsRequest, out var request, out var error))
        {
            await response.WriteErrorAsync(error);
            return;
        }

        // 2. Fields.
        var ignored = new IgnoredParameters();
        ignored.AddIf("user", request.User is not null);
        ignored.AddAll("", request.Others);
        var checks = new FieldChecks();
        if (!engine.CanEmbed)
            checks.Add(OpenAiError.Invalid("model", $"The model '{call.Model.Id}' cannot embed texts on this server.", "embeddings_not_supported"));
        var inputs = RawPromptReader.Read("input", request.Input, MaxInputs, engine.Tokenizer!, engine.Limits!.ContextLength, checks);
        foreach (var input in inputs)
        {
            if (input.Text?.Length == 0) checks.Fail(input.Name, "a string of at least 1 character", "empty");
        }

        checks.Word("encoding_format", request.EncodingFormat, Encodings);
        var width = engine.Model!.EmbeddingLength;
        var dimensions = checks.Integer("dimensions", request.Dimensions, width, 1, width);
        if (headers.Strict) checks.Add(ignored.Refusal);
        error = checks.Error ?? call.Session.RawPrompts.CheckLeast(inputs);
        var texts = error is null ? await call.Session.RawPrompts.TokenizeAsync(inputs, aborted) : [];
        for (var i = 0; i < texts.Length; i++) error ??= ContextLength.CheckLeast(inputs[i].Name, texts[i].Length, engine.Limits.ContextLength);
        if (error is not null)
        {
            await response.WriteErrorAsync(error);
            return;
        }

        // 3. Vectors.
        var result = await engine.EmbedAsync(
            new() { Id = $"embd-{Guid.NewGuid():N}", Inputs = texts, Timeout = headers.Timeout }, aborted);
        if (!result.Succeeded)
        {
            await response.WriteErrorAsync(result.Failure.ToOpenAiError(result.RetryAfter));
            return;
        }

        // 4. Answer, piece by piece: thousands of vectors are a hundred megabytes.
        response.NameIgnored(ignored.Names);
        response.ContentType = "application/json";
        var tokens = texts.Sum(text => text.Length);
        var items = result.Vectors.Select((vector, index) => new EmbeddingItem(index, new(Cut(vector, dimensions), request.EncodingFormat == "base64")));
        var answer = new EmbeddingsResponse([.. items], call.Model.Id, new(tokens, tokens));
        await JsonSerializer.SerializeAsync(response.BodyWriter, answer, OpenAiJsonContext.Relaxed.EmbeddingsResponse, aborted);
    }

    /// <summary>The first numbers of a vector, made one of length 1 again.</summary>
    private static float[] Cut(float[] vector, int dimensions)
    {
        if (dimensions == vector.Length) return vector;
        var cut = vector[..dimensions];
        var norm = TensorPrimitives.Norm<float>(cut);
        if (norm > 0) TensorPrimitives.Divide(cut, norm, cut);
        return cut;
    }
}
