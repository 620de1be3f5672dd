using System.Collections.Concurrent;
using Gemma3Server.Api;

namespace Gemma3Server.Tests.Support;

/// <summary>Real time, except that timers of one interval fire when the test says so, and that it can be put forward.</summary>
/// <param name="interval">The interval; by default that of heartbeats.</param>
internal sealed class ManualTime(TimeSpan? interval = null) : TimeProvider
{
    private readonly ConcurrentQueue<ManualTimer> _timers = [];
    private long _ahead;

    public override long GetTimestamp() => base.GetTimestamp() + Volatile.Read(ref _ahead);

    /// <summary>Puts the time of timestamps forward; timers do not notice.</summary>
    public void Advance(TimeSpan time) => Interlocked.Add(ref _ahead, (long)(time.TotalSeconds * TimestampFrequency));

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime != (interval ?? Heartbeat.Interval)) return base.CreateTimer(callback, state, dueTime, period);
        var timer = new ManualTimer(() => callback(state));
        _timers.Enqueue(timer);
        return timer;
    }

    /// <summary>Waits for the next timer and fires it.</summary>
    public async Task FireAsync()
    {
        ManualTimer? timer = null;
        await TestServer.UntilAsync(() => _timers.TryDequeue(out timer));
        timer!.Fire();
    }

    private sealed class ManualTimer(Action fire) : ITimer
    {
        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
