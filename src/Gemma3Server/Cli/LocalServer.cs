using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Gemma3Server.Cli;

/// <summary>A whole server in this process, on a free port of the loopback interface, for the commands that need one.</summary>
internal sealed class LocalServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Func<IModelRuntime> _runtime;

    private LocalServer(WebApplication app, Uri address, Func<IModelRuntime> runtime)
    {
        _app = app;
        _runtime = runtime;
        Http = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        Engine = app.Services.GetRequiredService<InferenceEngine>();
    }

    public HttpClient Http { get; }

    public InferenceEngine Engine { get; }

    /// <summary>The bare native loop on the server's own weights, so that a model is in memory once. Use it while the engine is idle, and dispose it first.</summary>
    public NativeBaseline CreateNativeBaseline() => CompositionRoot.CreateNativeBaseline(_runtime());

    /// <summary>Starts the server and waits until the model is loaded.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="configuration">Where they come from.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="loading">Called right before the load, on its thread.</param>
    /// <exception cref="ModelLoadException">The model cannot be loaded.</exception>
    public static async Task<LocalServer> StartAsync(
        Gemma3ServerOptions options, IConfiguration configuration, CancellationToken cancellationToken, Action? loading = null)
    {
        var local = options with
        {
            Http = options.Http with { Host = "127.0.0.1", Port = 0, ApiKeys = [], DrainTimeout = 0 },
            Responses = options.Responses with { Path = "" },
        };
        IModelRuntime? loaded = null;
        var app = ServerHost.Build(local, configuration, services =>
        {
            services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
            KeepLoaded(services, loading, runtime => loaded = runtime);
        });
        try
        {
            await app.StartAsync(cancellationToken);
            var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            var server = new LocalServer(app, new Uri(address), () => loaded!);
            await server.Engine.Ready.WaitAsync(cancellationToken);
            return server;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    private static void KeepLoaded(IServiceCollection services, Action? loading, Action<IModelRuntime> keep)
    {
        var loader = services.Last(service => service.ServiceType == typeof(Func<CancellationToken, IModelRuntime>)).ImplementationFactory!;
        services.AddSingleton<Func<CancellationToken, IModelRuntime>>(provider => cancellationToken =>
        {
            loading?.Invoke();
            var runtime = ((Func<CancellationToken, IModelRuntime>)loader(provider))(cancellationToken);
            keep(runtime);
            return runtime;
        });
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
