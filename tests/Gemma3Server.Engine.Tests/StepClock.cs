namespace Gemma3Server.Engine.Tests;

/// <summary>A clock that moves on by a fixed time whenever it is read, and whose timers fire when told to.</summary>
internal sealed class StepClock(TimeSpan perReading) : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<Action> _timers = [];
    private long _now = TimeSpan.TicksPerDay;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Add(ref _now, perReading.Ticks);

    public void Advance(TimeSpan time) => Interlocked.Add(ref _now, time.Ticks);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        lock (_gate) _timers.Add(() => callback(state));
        return new Timer();
    }

    public void FireTimers()
    {
        lock (_gate) _timers.ForEach(fire => fire());
    }

    private sealed class Timer : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
