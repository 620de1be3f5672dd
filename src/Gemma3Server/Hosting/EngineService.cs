using Gemma3Server.Pool;

namespace Gemma3Server.Hosting;

/// <summary>
/// Ties the models to the host's life: stops the host when the default model cannot be loaded, drains while the listener still answers, and
/// ends the process when native code has failed for good.
/// </summary>
/// <remarks>What happened is logged by pool and engine; here it only has consequences.</remarks>
internal sealed partial class EngineService(
    ModelPool pool, ModelDirectory directory, Gemma3ServerOptions options, ExitCode exitCode, NativeFault fault, IHostApplicationLifetime lifetime,
    TimeProvider timeProvider, ILogger<EngineService> logger) : IHostedLifecycleService
{
    /// <summary>How long the error events of lost streams get to leave; a client that reads them needs far less.</summary>
    internal static readonly TimeSpan MostTimeToTellClients = TimeSpan.FromSeconds(5);

    private Task _watch = Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Begins to load once the listener is bound: a port in use is then reported at once, not after a load of gigabytes.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        pool.Start(directory.AtStart);
        _watch = WatchAsync();
        _ = AbandonOnFaultAsync();
        return Task.CompletedTask;
    }

    /// <summary>
    /// Runs before any hosted service is stopped, Kestrel included: new requests get 503 rather than a refused connection, and running
    /// streams finish.
    /// </summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        await pool.StopAsync(TimeSpan.FromSeconds(options.Http.DrainTimeout));
        if (pool.Lost.IsCompleted) await _watch;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>A server without its default model serves nobody who does not know of others: the process ends, and whoever supervises it can start anew.</summary>
    private async Task WatchAsync()
    {
        await pool.Lost;

        // A stop that was asked for in the meantime keeps its exit code.
        if (lifetime.ApplicationStopping.IsCancellationRequested) return;
        exitCode.Value = ExitCode.CannotRun;
        lifetime.StopApplication();
    }

    /// <summary>An engine's thread never returns after a native fault: all clients are told, and the process ends.</summary>
    private async Task AbandonOnFaultAsync()
    {
        var message = await fault.Occurred;
        LogFault(message);
        var failure = new InvalidOperationException(message);
        await Task.WhenAll(pool.Instances.Select(instance => instance.AbandonAsync(failure)));

        // Clean-up of native code may hang on what the lost thread holds.
        await Task.Delay(MostTimeToTellClients, timeProvider);
        fault.EndProcess(ExitCode.CannotRun);
    }

    [LoggerMessage(LogLevel.Critical, "Native code has failed; the process ends: {Reason}")]
    private partial void LogFault(string reason);
}
