using System.Runtime.InteropServices;

namespace Gemma3Server.Cli;

/// <summary>
/// Ctrl-C, SIGTERM and SIGHUP as a cancellation token, so that a command can tidy up. A second signal ends the process at once.
/// </summary>
/// <remarks>The parser's own handler is set only after a command has begun, so that a signal just then would leave a partial file.</remarks>
internal sealed class StopSignals : IDisposable
{
    /// <summary>Time for tidying up; native code that does not come back by then is given up.</summary>
    private static readonly TimeSpan TidyUp = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<int> _expired = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly PosixSignalRegistration[] _registrations;

    public StopSignals() => _registrations =
    [
        // A shell's exit codes for these signals are 128 and their number.
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Stop(context, 129)),
        PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, 130)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, 143)),
    ];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>Completes, with the exit code, when the time for tidying up has passed since the first signal.</summary>
    public Task<int> Expired => _expired.Task;

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _stop.Dispose();
    }

    private void Stop(PosixSignalContext context, int exitCode)
    {
        if (_stop.IsCancellationRequested) return;
        context.Cancel = true;
        _ = _stop.CancelAsync();
        _ = ExpireAsync(exitCode);
    }

    private async Task ExpireAsync(int exitCode)
    {
        await Task.Delay(TidyUp).ConfigureAwait(false);
        _expired.TrySetResult(exitCode);
    }
}
