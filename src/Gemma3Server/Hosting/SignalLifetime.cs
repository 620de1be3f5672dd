using System.Runtime.InteropServices;
using Gemma3Server.Pool;

namespace Gemma3Server.Hosting;

/// <summary>Ends the server on a signal: the first one lets running answers finish, a second one does not wait for them any more.</summary>
/// <remarks>Takes the place of the host's own console lifetime, which ignores every signal after the first.</remarks>
internal sealed partial class SignalLifetime(
    IHostApplicationLifetime lifetime, ModelPool pool, Gemma3ServerOptions options, TimeProvider timeProvider,
    ILogger<SignalLifetime> logger) : IHostLifetime, IDisposable
{
    /// <summary>
    /// A signal to a process group may come twice at once, by itself and through <c>dotnet run</c> or <c>timeout</c>, which hand theirs on. Nobody
    /// means a second one that soon.
    /// </summary>
    internal static readonly TimeSpan SameSignal = TimeSpan.FromMilliseconds(300);

    private readonly List<PosixSignalRegistration> _registrations = [];
    private long _first;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        PosixSignal[] signals = [PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT];
        foreach (var signal in signals) _registrations.Add(PosixSignalRegistration.Create(signal, Take));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>What a signal does.</summary>
    internal void OnSignal()
    {
        if (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            _first = timeProvider.GetTimestamp();
            LogDraining(options.Http.DrainTimeout);
            lifetime.StopApplication();
            return;
        }

        if (timeProvider.GetElapsedTime(_first) < SameSignal) return;

        // The host waits for the pool already; that wait ends with this one, so its end needs no watching.
        LogStoppingNow();
        _ = pool.StopAsync(TimeSpan.Zero);
    }

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
    }

    private void Take(PosixSignalContext context)
    {
        // The process ends when the host has stopped, not by the signal.
        context.Cancel = true;
        OnSignal();
    }

    [LoggerMessage(LogLevel.Information, "Draining for at most {Seconds} s; a second signal stops now")]
    private partial void LogDraining(int seconds);

    [LoggerMessage(LogLevel.Warning, "Second signal: running answers are cut off")]
    private partial void LogStoppingNow();
}
