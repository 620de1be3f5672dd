using System.Globalization;
using System.Text.Json;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Api.Responses;

namespace Gemma3Server.Api.Errors;

/// <summary>Answers a request with an <see cref="OpenAiError"/>.</summary>
internal static class ErrorWriter
{
    /// <summary>
    /// Answers with the error's status and body. A stream that had to begin while its model was loaded gets an event instead, in the shape that the
    /// streams of its route have.
    /// </summary>
    public static async Task WriteErrorAsync(this HttpResponse response, OpenAiError error)
    {
        if (response.HasStarted)
        {
            await WriteEventAsync(response, error);
            return;
        }

        response.StatusCode = error.Status;
        response.ContentType = "application/json";
        if (error.RetryAfter is { } wait)
        {
            var seconds = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds));
            response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        }

        if (error.Status == StatusCodes.Status401Unauthorized) response.Headers.WWWAuthenticate = "Bearer";
        var body = JsonSerializer.SerializeToUtf8Bytes(ErrorResponse.Of(error), OpenAiJsonContext.Relaxed.ErrorResponse);
        response.ContentLength = body.Length;
        if (HttpMethods.IsHead(response.HttpContext.Request.Method)) return;
        await response.Body.WriteAsync(body, response.HttpContext.RequestAborted);
    }

    private static async Task WriteEventAsync(HttpResponse response, OpenAiError error)
    {
        using var writer = new SseWriter(response);
        if (response.HttpContext.GetEndpoint()?.Metadata.GetMetadata<GenerationRoute>()?.Event == typeof(ResponseEvent))
        {
            var told = new ResponseErrorEvent { Type = "error", SequenceNumber = 0, Code = error.Code, Message = error.Message };
            writer.WriteEvent(told.Type, told, OpenAiJsonContext.Default.ResponseErrorEvent);
        }
        else
        {
            writer.WriteEvent(ErrorResponse.Of(error), OpenAiJsonContext.Default.ErrorResponse);
        }

        await writer.FlushAsync(response.HttpContext.RequestAborted);
    }
}
