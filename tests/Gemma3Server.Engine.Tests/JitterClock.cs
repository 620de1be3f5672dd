namespace Gemma3Server.Engine.Tests;

/// <summary>A clock that moves on by a random time whenever it is read: a budget that trusts it gets every size.</summary>
internal sealed class JitterClock(Random random, TimeSpan most) : TimeProvider
{
    private long _now = TimeSpan.TicksPerDay;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _now += random.NextInt64(most.Ticks);
}
