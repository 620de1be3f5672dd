using System.Globalization;
using System.Text.Json;
using Gemma3Server.Api.Errors;
using Gemma3Server.Pool;

namespace Gemma3Server.Api.Health;

/// <summary><c>/health</c> (the process runs) and <c>/health/ready</c> (requests are taken), with <c>GET</c> and <c>HEAD</c>, without a key.</summary>
internal static class HealthEndpoint
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGetAndHead("/health", (HttpResponse response) => WriteAsync(response, StatusCodes.Status200OK, new("ok")))
            .WithName("live").WithTags("Health").WithSummary("200 as long as the process runs.").Produces<HealthReport>();

        routes.MapGetAndHead("/health/ready", (HttpResponse response, ModelPool pool) => ReadyAsync(response, pool))
            .WithName("ready").WithTags("Health").WithSummary("200 when the models of the start are loaded and requests are taken, else 503 with the reason.")
            .Produces<HealthReport>().Produces<HealthReport>(StatusCodes.Status503ServiceUnavailable);
    }

    private static Task ReadyAsync(HttpResponse response, ModelPool pool)
    {
        var (running, waiting) = (0, 0);
        foreach (var session in pool.Instances.OfType<ModelSession>())
        {
            var statistics = session.Engine.Statistics;
            (running, waiting) = (running + statistics.Running, waiting + statistics.Waiting);
        }

        if (pool.Unavailability is not { } reason) return WriteAsync(response, StatusCodes.Status200OK, new("ready", Running: running, Waiting: waiting));
        var status = reason.Code switch
        {
            "model_loading" => "loading",
            "server_draining" => "draining",
            _ => "failed",
        };
        if (reason.RetryAfter is { } wait)
            response.Headers.RetryAfter = ((long)wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        var report = new HealthReport(status, ErrorResponse.Of(reason).Error, running, waiting);
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
