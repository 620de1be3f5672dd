namespace Gemma3Server.Api;

/// <summary>Names each request by its id, in the response and in every log line, and logs one line when it is done.</summary>
internal sealed partial class RequestLogMiddleware(RequestDelegate next, TimeProvider timeProvider, ILogger<RequestLogMiddleware> logger)
{
    public async Task InvokeAsync(HttpContext context)
    {
        var id = RequestId.Choose(context.Request.Headers[RequestId.Header]);
        context.TraceIdentifier = id;
        context.Response.Headers[RequestId.Header] = id;
        var measurements = new GenerationMeasurements(timeProvider);
        context.Features.Set(measurements);
        using var scope = logger.BeginScope(new KeyValuePair<string, object>[] { new("RequestId", id) });
        try
        {
            await next(context);
        }
        finally
        {
            Log(context, measurements);
        }
    }

    private void Log(HttpContext context, GenerationMeasurements measurements)
    {
        var level = LevelOf(context);
        if (!logger.IsEnabled(level)) return;
        var (method, path, status) = (context.Request.Method, context.Request.Path, context.Response.StatusCode);
#pragma warning disable CA1873 // the level has just been asked for; the analyzer does not see that through the parameter
        var milliseconds = measurements.Elapsed.TotalMilliseconds;
        if (measurements.GenerationId is { } generation)
        {
            LogGeneration(level, method, path, status, milliseconds, generation, measurements.Model, measurements.PromptTokens, measurements.CachedTokens,
                measurements.CompletionTokens, measurements.FirstToken?.TotalMilliseconds, measurements.Outcome, context.TraceIdentifier);
        }
        else
        {
            LogRequest(level, method, path, status, milliseconds, context.TraceIdentifier);
        }
#pragma warning restore CA1873
    }

    /// <summary>A probe every few seconds and a client that left are nothing to look at.</summary>
    private static LogLevel LevelOf(HttpContext context) => context switch
    {
        { RequestAborted.IsCancellationRequested: true } => LogLevel.Debug,
        { Request.Path: var path } when path.StartsWithSegments("/health") => LogLevel.Debug,
        { Response.StatusCode: >= 500 and not StatusCodes.Status503ServiceUnavailable } => LogLevel.Error,
        _ => LogLevel.Information,
    };

    [LoggerMessage("{Method} {Path} {StatusCode} in {Elapsed:0} ms [{Id}]")]
    private partial void LogRequest(LogLevel level, string method, string path, int statusCode, double elapsed, string id);

    [LoggerMessage("{Method} {Path} {StatusCode} in {Elapsed:0} ms: {GenerationId} by {Model}, {PromptTokens} prompt tokens ({CachedTokens} cached), "
        + "{CompletionTokens} completion tokens, first after {FirstToken:0} ms, {Outcome} [{Id}]")]
    private partial void LogGeneration(LogLevel level, string method, string path, int statusCode, double elapsed, string generationId,
        string? model, int promptTokens, int cachedTokens, int completionTokens, double? firstToken, string outcome, string id);
}
