namespace Gemma3Server.Api.Errors;

/// <summary>Gives every error the OpenAI shape: exceptions, refused bodies, and bare statuses such as an unknown route or method.</summary>
internal sealed partial class ErrorResponseMiddleware(RequestDelegate next, ILogger<ErrorResponseMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        try
        {
            await next(context);
        }
        catch (BadHttpRequestException exception) when (!context.Response.HasStarted)
        {
            // Kestrel's refusals while a body is read: too large, too slow, cut off.
            await context.Response.WriteErrorAsync(OfStatus(context, exception.StatusCode));
            return;
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to read an answer; the status is for the log only (nginx's 499).
            if (!context.Response.HasStarted) context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
            return;
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            LogUnexpected(exception, context.Request.Method, context.Request.Path);
            context.Response.Clear();
            context.Response.Headers[RequestId.Header] = context.TraceIdentifier;
            await context.Response.WriteErrorAsync(OpenAiError.ServerError("The server met an unexpected error; its log has the details."));
            return;
        }

        if (!context.Response.HasStarted && context.Response is { StatusCode: >= 400, ContentType: null, ContentLength: null })
            await context.Response.WriteErrorAsync(OfStatus(context, context.Response.StatusCode));
    }

    private static OpenAiError OfStatus(HttpContext context, int status) =>
        OpenAiError.OfStatus(status, context.Request.Method, context.Request.Path.Value ?? "/");

    [LoggerMessage(LogLevel.Error, "Unexpected error in {Method} {Path}")]
    private partial void LogUnexpected(Exception exception, string method, string path);
}
