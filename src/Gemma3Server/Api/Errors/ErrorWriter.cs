using System.Globalization;
using System.Text.Json;

namespace Gemma3Server.Api.Errors;

/// <summary>Answers a request with an <see cref="OpenAiError"/>.</summary>
internal static class ErrorWriter
{
    public static async Task WriteErrorAsync(this HttpResponse response, OpenAiError error)
    {
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
}
