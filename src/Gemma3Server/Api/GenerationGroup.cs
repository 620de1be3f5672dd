using System.Threading.Channels;
using Gemma3Server.Engine;

namespace Gemma3Server.Api;

/// <summary>The events of generations that belong to one request, as they come; each generation's own stay in order.</summary>
/// <remarks>
/// Read by one reader, once. Disposing it ends them all: a request that has failed in part, or whose client has gone, leaves nothing behind.
/// </remarks>
internal sealed class GenerationGroup : IAsyncDisposable
{
    private readonly IReadOnlyList<GenerationAdmission> _admissions;
    private readonly Channel<IndexedEvent> _events = Channel.CreateUnbounded<IndexedEvent>(new() { SingleReader = true });
    private readonly CancellationTokenSource _stopped;
    private readonly IAsyncEnumerator<GenerationEvent>? _only;
    private readonly Task _pumps = Task.CompletedTask;
    private int _running;

    /// <param name="admissions">All admitted.</param>
    /// <param name="aborted">Fires when the client has gone.</param>
    public GenerationGroup(IReadOnlyList<GenerationAdmission> admissions, CancellationToken aborted)
    {
        _admissions = admissions;
        _running = admissions.Count;
        _stopped = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        if (admissions.Count == 1) _only = admissions[0].Events!.GetAsyncEnumerator(_stopped.Token); // the usual case takes no detour
        else _pumps = Task.WhenAll(admissions.Select((admission, index) => PumpAsync(admission.Events!, index)));
    }

    /// <summary>The next event; completed at once while there are any.</summary>
    public IndexedEvent Current { get; private set; }

    /// <summary>The best place that any of them has in the queue, 1 = next; 0 when one does not wait any more.</summary>
    public int QueuePosition => _admissions.Min(admission => admission.QueuePosition);

    /// <summary>Waits for the next event; false when all generations have ended.</summary>
    public async ValueTask<bool> MoveNextAsync(CancellationToken cancellationToken)
    {
        if (_only is not null)
        {
            if (!await _only.MoveNextAsync()) return false;
            Current = new(0, _only.Current);
            return true;
        }

        IndexedEvent next;
        while (!_events.Reader.TryRead(out next))
        {
            if (!await _events.Reader.WaitToReadAsync(cancellationToken)) return false;
        }

        Current = next;
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopped.CancelAsync();
        if (_only is not null) await _only.DisposeAsync();
        await _pumps.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopped.Dispose();
    }

    private async Task PumpAsync(IAsyncEnumerable<GenerationEvent> events, int index)
    {
        try
        {
            await foreach (var current in events.WithCancellation(_stopped.Token)) _events.Writer.TryWrite(new(index, current));
        }
        finally
        {
            if (Interlocked.Decrement(ref _running) == 0) _events.Writer.TryComplete();
        }
    }
}
