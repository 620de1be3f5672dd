using Gemma3Server.Api;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Completions;
using Gemma3Server.Api.Embeddings;
using Gemma3Server.Api.Models;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Api.Tokens;
using Gemma3Server.Chat;
using Gemma3Server.Planning;
using Gemma3Server.Pool;
using Gemma3Server.Responses;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Serilog;
using Serilog.Events;

namespace Gemma3Server.Hosting;

/// <summary>Builds the web application from checked options. It takes nothing from its surroundings but what it is given.</summary>
internal static class ServerHost
{
    /// <summary>Kestrel stops within this time once the engine has drained.</summary>
    private static readonly TimeSpan ListenerShutdown = TimeSpan.FromSeconds(10);

    /// <param name="options">Checked options.</param>
    /// <param name="configuration">Where the logger's settings come from.</param>
    /// <param name="customize">Replaces services, such as the runtime in tests.</param>
    public static WebApplication Build(
        Gemma3ServerOptions options, IConfiguration configuration, Action<IServiceCollection>? customize = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ApplicationName = typeof(ServerHost).Assembly.GetName().Name });
        builder.Configuration.AddConfiguration(configuration);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => Listen(kestrel, options.Http));
        AddServices(builder.Services, options, configuration);
        customize?.Invoke(builder.Services);
        var app = builder.Build();
        app.UseGemma3Api();
        return app;
    }

    private static void AddServices(IServiceCollection services, Gemma3ServerOptions options, IConfiguration configuration)
    {
        // The host would log a port in use with its stack; ServerRun says it in one line.
        services.AddSerilog(logger => logger.ReadFrom.Configuration(configuration).Enrich.FromLogContext()
            .MinimumLevel.Override("Microsoft.Extensions.Hosting.Internal.Host", LogEventLevel.Fatal));
        services.Configure<HostOptions>(host =>
            host.ShutdownTimeout = TimeSpan.FromSeconds(options.Http.DrainTimeout) + ListenerShutdown);
        services.AddSingleton(options);
        services.AddSingleton(options.Http);
        services.AddSingleton(options.Responses);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton<ExitCode>();
        services.AddSingleton(options.Models);
        services.AddSingleton<ModelDirectory>();
        services.AddSingleton<IModelLoader, EngineLoader>();
        services.AddSingleton<ModelPool>();
        services.AddSingleton<ModelCalls>();
        services.AddSingleton<ModelsEndpoint>();
        services.AddSingleton<ModelOrdersEndpoint>();
        services.AddHostedService<EngineService>();
        services.AddSingleton<IHostLifetime, SignalLifetime>();
        services.AddRuntime();
        services.AddSingleton(provider => new CapacityPlanner(options, () => CompositionRoot.MeasureMemory(options, provider.GetRequiredService<ILoggerFactory>())));
        services.AddSingleton<Tokenizations>();
        services.AddSingleton<ChatCompletionsEndpoint>();
        services.AddSingleton<CompletionsEndpoint>();
        services.AddSingleton<EmbeddingsEndpoint>();
        services.AddSingleton<ChatPromptEndpoint>();
        services.AddSingleton<TokensEndpoint>();
        services.AddResponses();
        services.AddRouting();
        services.AddCors();
        services.AddOpenApiDocument();
    }

    private static void Listen(KestrelServerOptions kestrel, HttpSettings http)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = http.MaxBodyBytes;
        kestrel.Limits.MaxConcurrentConnections = http.MaxConnections == 0 ? null : http.MaxConnections;

        // A slow reader of a stream is the client's own affair; the engine does not wait for it.
        kestrel.Limits.MinResponseDataRate = null;
        if (SettingsReader.TryAddress(http.Host, out var address) && address is not null) kestrel.Listen(address, http.Port);
        else kestrel.ListenLocalhost(http.Port);
    }
}
