using System.Net;
using Gemma3Server.Hosting;
using Microsoft.Extensions.Http.Resilience;
using Polly;

namespace Gemma3Server.Hub;

/// <summary>The services of the hub's client.</summary>
internal static class HubServices
{
    private const string Client = "hub";

    /// <summary>Waits shorter than this are not worth a word.</summary>
    private static readonly TimeSpan Telling = TimeSpan.FromSeconds(3);

    /// <summary>Adds <see cref="HubClient"/>; the proxy is that of the environment (<c>HTTPS_PROXY</c>, <c>NO_PROXY</c>).</summary>
    /// <remarks>
    /// The factory's loggers go, so that no address with a signature and no header is ever logged. Redirects are followed by
    /// <see cref="HubClient"/>, which knows where the token may go.
    /// </remarks>
    public static IServiceCollection AddHub(this IServiceCollection services, HubAccess access, HubTimings timings, TimeProvider time)
    {
        services.AddSingleton(access).AddSingleton(timings).AddSingleton(time).AddSingleton<HubNotices>();
        services.AddHttpClient(Client, http =>
            {
                http.Timeout = Timeout.InfiniteTimeSpan;
                http.DefaultRequestHeaders.UserAgent.ParseAdd($"gemma3server/{ServedModel.Version}");
            })
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                AutomaticDecompression = DecompressionMethods.None,
                UseCookies = false,
                ConnectTimeout = timings.Stall,
            })
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            .RemoveAllLoggers()
            .AddResilienceHandler(Client, (builder, context) =>
                Configure(builder, timings, time, context.ServiceProvider.GetRequiredService<HubNotices>()));
        services.AddSingleton(provider => new HubClient(
            provider.GetRequiredService<IHttpClientFactory>().CreateClient(Client), access, timings, time));
        return services;
    }

    /// <summary>Tries again what may pass: timeouts, broken connections, 408, 429 and 5xx, no sooner than the server asks; a certificate or a proxy that refuses stays as it is.</summary>
    private static void Configure(ResiliencePipelineBuilder<HttpResponseMessage> builder, HubTimings timings, TimeProvider time, HubNotices notices)
    {
        builder.TimeProvider = time;
        builder.AddRetry(new HttpRetryStrategyOptions
        {
            MaxRetryAttempts = timings.Attempts - 1,
            Delay = timings.RetryDelay,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = args => ValueTask.FromResult(
                HttpClientResiliencePredicates.IsTransient(args.Outcome)
                && args.Outcome.Exception is not HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError }
                && !(RetryAfter(args.Outcome.Result, time) > timings.LongestRetryAfter)),
            DelayGenerator = args => ValueTask.FromResult(RetryAfter(args.Outcome.Result, time)),
            OnRetry = args =>
            {
                if (args.RetryDelay < Telling) return ValueTask.CompletedTask;
                var what = args.Outcome.Result is { } response ? $"{response.RequestMessage?.RequestUri?.Host} answers {(int)response.StatusCode}" : "the hub cannot be reached";
                notices.Say($"{what}; next try in {args.RetryDelay.TotalSeconds:0} s");
                return ValueTask.CompletedTask;
            },
        });
        builder.AddTimeout(new HttpTimeoutStrategyOptions { Timeout = timings.Stall });
    }

    /// <summary>What the server asks to wait; null = nothing.</summary>
    internal static TimeSpan? RetryAfter(HttpResponseMessage? response, TimeProvider time)
    {
        var asked = response?.Headers.RetryAfter;
        var wait = asked?.Delta ?? (asked?.Date is { } date ? date - time.GetUtcNow() : null);
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait;
    }
}
