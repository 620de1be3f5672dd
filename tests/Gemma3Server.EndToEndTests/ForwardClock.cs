namespace Gemma3Server.EndToEndTests;

/// <summary>Every step takes as long as any other, so that rows seem free and drafts are made whatever the machine is doing.</summary>
internal sealed class ForwardClock(Func<RecordingRuntime?> runtime) : TimeProvider
{
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => TimeSpan.TicksPerDay + ((runtime()?.Forwards ?? 0) * TimeSpan.TicksPerMillisecond);
}
