namespace Gemma3Server.Api;

/// <summary>Keeps an event stream alive while nothing happens, with comments.</summary>
/// <param name="writer">The stream.</param>
/// <param name="beat">Writes a comment.</param>
/// <param name="timeProvider">Clock of the interval.</param>
internal sealed class Heartbeat(SseWriter writer, Action<SseWriter> beat, TimeProvider timeProvider)
{
    /// <summary>Comments say the place in the queue, or are a sign of life.</summary>
    /// <param name="writer">The stream.</param>
    /// <param name="queuePosition">The place in the queue, 1 = next; 0 when it does not wait.</param>
    /// <param name="timeProvider">Clock of the interval.</param>
    public Heartbeat(SseWriter writer, Func<int> queuePosition, TimeProvider timeProvider)
        : this(writer, stream => Beat(stream, queuePosition()), timeProvider)
    {
    }

    /// <summary>
    /// Shorter than the idle limits of common proxies (nginx 60 s) and SDKs, and short enough for somebody who watches a queue move.
    /// </summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    /// <summary>Waits for what comes next. What has been written leaves first, unless it is already there.</summary>
    /// <param name="next">The next event; ends with the same cancellation.</param>
    /// <param name="cancellationToken">Fires when the client has gone.</param>
    public async ValueTask<bool> WaitAsync(ValueTask<bool> next, CancellationToken cancellationToken)
    {
        if (next.IsCompleted) return await next;

        var waiting = next.AsTask();
        try
        {
            await writer.FlushAsync(cancellationToken);
            while (true)
            {
                try
                {
                    return await waiting.WaitAsync(Interval, timeProvider, cancellationToken);
                }
                catch (TimeoutException) when (!waiting.IsCompleted)
                {
                    await writer.StartAsync(cancellationToken);
                    beat(writer);
                    await writer.FlushAsync(cancellationToken);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // An enumerator must not be disposed while it moves; the same cancellation ends the move.
            await ((Task)waiting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private static void Beat(SseWriter writer, int position)
    {
        if (position > 0) writer.WriteQueued(position);
        else writer.WriteKeepAlive();
    }
}
