using System.Runtime.CompilerServices;
using Gemma3Server.Engine;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;
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
        var (pool, directory) = (app.Services.GetRequiredService<ModelPool>(), app.Services.GetRequiredService<ModelDirectory>());
        Engine = ((ModelSession)pool.InstanceOf(directory.Default)!).Engine;
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
    /// <param name="wrap">What the engine gets in place of a loaded runtime; of the draft model's where the second argument is true.</param>
    /// <exception cref="ModelLoadException">The model cannot be loaded.</exception>
    public static async Task<LocalServer> StartAsync(
        Gemma3ServerOptions options, IConfiguration configuration, CancellationToken cancellationToken, Action? loading = null,
        Func<IModelRuntime, bool, IModelRuntime>? wrap = null)
    {
        var local = options with
        {
            Http = options.Http with { Host = "127.0.0.1", Port = 0, ApiKeys = [], DrainTimeout = 0 },
            Responses = options.Responses with { Path = "" },
            Models = options.Models with { Preload = [], PinDefault = true },
        };
        IModelRuntime? loaded = null;
        var app = ServerHost.Build(local, configuration, services =>
        {
            services.AddSingleton<IHostLifetime, EmbeddedLifetime>();
            KeepLoaded(services, loading, runtime => loaded = runtime, wrap ?? ((runtime, _) => runtime));
        });
        try
        {
            await app.StartAsync(cancellationToken);
            var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
            await app.Services.GetRequiredService<ModelPool>().Started.WaitAsync(cancellationToken);
            return new LocalServer(app, new Uri(address), () => loaded!);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    private static void KeepLoaded(
        IServiceCollection services, Action? loading, Action<IModelRuntime> keep, Func<IModelRuntime, bool, IModelRuntime> wrap)
    {
        var create = services.Last(service => service.ServiceType == typeof(RuntimeLoader)).ImplementationFactory!;
        services.AddSingleton(provider =>
        {
            var loader = (RuntimeLoader)create(provider);
            var inner = new ConditionalWeakTable<IModelRuntime, IModelRuntime>();
            return loader with
            {
                Load = (options, free, progress, stopped) =>
                {
                    loading?.Invoke();
                    var runtime = loader.Load(options, free, progress, stopped);
                    keep(runtime);
                    return Wrap(runtime, isDraft: false);
                },
                LoadDraft = (options, runtime, free, stopped) => Wrap(loader.LoadDraft(options, Inner(runtime), free, stopped), isDraft: true),
                TakenBy = runtime => loader.TakenBy(Inner(runtime)),
                HostLayers = runtime => loader.HostLayers(Inner(runtime)),
            };

            IModelRuntime Wrap(IModelRuntime runtime, bool isDraft)
            {
                var wrapped = wrap(runtime, isDraft);
                inner.Add(wrapped, runtime);
                return wrapped;
            }

            IModelRuntime Inner(IModelRuntime runtime) => inner.TryGetValue(runtime, out var found) ? found : runtime;
        });
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
