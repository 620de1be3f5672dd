using System.Globalization;
using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;

namespace Gemma3Server.Api.Health;

/// <summary><c>/health</c> (the process runs) and <c>/health/ready</c> (requests are taken), with <c>GET</c> and <c>HEAD</c>, without a key.</summary>
internal static class HealthEndpoint
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGetAndHead("/health", (HttpResponse response) => WriteAsync(response, StatusCodes.Status200OK, new("ok")))
            .WithName("live").WithTags("Health").WithSummary("200 as long as the process runs.").Produces<HealthReport>();

        routes.MapGetAndHead("/health/ready", (HttpResponse response, InferenceEngine engine) => ReadyAsync(response, engine))
            .WithName("ready").WithTags("Health").WithSummary("200 when requests are taken, else 503 with the reason.")
            .Produces<HealthReport>().Produces<HealthReport>(StatusCodes.Status503ServiceUnavailable);
    }

    private static Task ReadyAsync(HttpResponse response, InferenceEngine engine)
    {
        // Read once: the state may move on between two reads.
        var statistics = engine.Statistics;
        if (engine.Unavailability() is not { } reason)
            return WriteAsync(response, StatusCodes.Status200OK, new("ready", Running: statistics.Running, Waiting: statistics.Waiting));
        var status = reason.Code switch
        {
            "model_loading" => "loading",
            "server_draining" => "draining",
            _ => "failed",
        };
        if (reason.RetryAfter is { } wait)
            response.Headers.RetryAfter = ((long)wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var report = new HealthReport(status, ErrorResponse.Of(reason).Error, statistics.Running, statistics.Waiting);
        return WriteAsync(response, reason.Status, report);
    }

    private static async Task WriteAsync(HttpResponse response, int status, HealthReport report)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(report, OpenAiJsonContext.Relaxed.HealthReport);
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, response.HttpContext.RequestAborted);
    }
}
