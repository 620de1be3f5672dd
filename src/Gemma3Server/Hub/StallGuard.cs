namespace Gemma3Server.Hub;

/// <summary>A cancellation that comes when nothing has happened for a while; each <see cref="Restart"/> begins the while anew.</summary>
internal sealed class StallGuard : IDisposable
{
    private readonly TimeSpan _patience;
    private readonly CancellationTokenSource _clock;
    private readonly CancellationTokenSource _linked;

    public StallGuard(TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        _patience = patience;
        _clock = new CancellationTokenSource(patience, time);
        _linked = CancellationTokenSource.CreateLinkedTokenSource(_clock.Token, cancellationToken);
    }

    /// <summary>For what must not stall.</summary>
    public CancellationToken Token => _linked.Token;

    public void Restart() => _clock.CancelAfter(_patience);

    public void Dispose()
    {
        _linked.Dispose();
        _clock.Dispose();
    }
}
