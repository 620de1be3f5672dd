using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;

namespace Gemma3Server.Api;

/// <summary>What all endpoints do that take a JSON body.</summary>
internal static class JsonPost
{
    /// <summary>Reads the body, or says why it is none.</summary>
    public static async Task<(JsonElement Body, OpenAiError? Error)> ReadAsync(HttpContext context)
    {
        var request = context.Request;

        // The route accepts only JSON through metadata; a missing content type reaches this line.
        if (!request.HasJsonContentType()) return (default, OpenAiError.OfStatus(StatusCodes.Status415UnsupportedMediaType, request.Method, request.Path));

        // Kestrel enforces the body limit while the body is read, whether or not a length was announced.
        using var buffer = new MemoryStream((int)Math.Min(request.ContentLength ?? 4096, 1 << 20));
        await request.Body.CopyToAsync(buffer, context.RequestAborted);
        return RequestBodyReader.TryParse(buffer.GetBuffer().AsMemory(0, (int)buffer.Length), out var root, out var error) ? (root, null) : (default, error);
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
