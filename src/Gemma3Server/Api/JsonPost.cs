using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;

namespace Gemma3Server.Api;

/// <summary>What all endpoints do that take a JSON body and need the model.</summary>
internal static class JsonPost
{
    /// <summary>
    /// Reads the body, or answers why it is not wanted: the model cannot answer now, or it is no JSON. Then the result is null, and the
    /// request done.
    /// </summary>
    public static async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpContext context, InferenceEngine engine)
    {
        var (request, response) = (context.Request, context.Response);
        if (engine.Unavailability() is { } unavailable)
        {
            await response.WriteErrorAsync(unavailable);
            return null;
        }

        // The route accepts only JSON through metadata; a missing content type reaches this line.
        if (!request.HasJsonContentType())
        {
            await response.WriteErrorAsync(OpenAiError.OfStatus(StatusCodes.Status415UnsupportedMediaType, request.Method, request.Path));
            return null;
        }

        // Kestrel enforces the body limit while the body is read, whether or not a length was announced.
        using var buffer = new MemoryStream((int)Math.Min(request.ContentLength ?? 4096, 1 << 20));
        await request.Body.CopyToAsync(buffer, context.RequestAborted);
        return buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
    }

    /// <summary>Answers with one JSON body.</summary>
    public static async Task WriteJsonAsync<T>(this HttpResponse response, T value, JsonTypeInfo<T> type)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(value, type);
        response.ContentType = "application/json";
        response.ContentLength = bytes.Length;
        await response.Body.WriteAsync(bytes, response.HttpContext.RequestAborted);
    }

    /// <summary>Describes, for the document, the refusals that all of these endpoints have.</summary>
    public static RouteHandlerBuilder ProducesErrors(this RouteHandlerBuilder route) => route
        .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
        .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
        .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
        .Produces<ErrorResponse>(StatusCodes.Status413PayloadTooLarge)
        .Produces<ErrorResponse>(StatusCodes.Status415UnsupportedMediaType)
        .Produces<ErrorResponse>(StatusCodes.Status429TooManyRequests)
        .Produces<ErrorResponse>(StatusCodes.Status500InternalServerError)
        .Produces<ErrorResponse>(StatusCodes.Status503ServiceUnavailable)
        .Produces<ErrorResponse>(StatusCodes.Status504GatewayTimeout);
}
