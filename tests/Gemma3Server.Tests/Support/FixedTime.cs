namespace Gemma3Server.Tests.Support;

/// <summary>The date stands still, so that bodies can be compared; timers and timestamps run.</summary>
internal sealed class FixedTime : TimeProvider
{
    public const long UnixSeconds = 1_800_000_000;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(UnixSeconds);
}
