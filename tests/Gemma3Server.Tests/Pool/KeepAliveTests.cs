using Gemma3Server.Pool;

namespace Gemma3Server.Tests.Pool;

public sealed class KeepAliveTests
{
    [Theory]
    [InlineData("0", 0.0)]
    [InlineData("300", 300.0)]
    [InlineData("1.5", 1.5)]
    [InlineData("5m", 300.0)]
    [InlineData("1h30m", 5400.0)]
    [InlineData("1h2m3s", 3723.0)]
    [InlineData("250ms", 0.25)]
    [InlineData("1.5h", 5400.0)]
    [InlineData("720h", 2_592_000.0)]
    [InlineData("-1", null)]
    [InlineData("-1m", null)]
    [InlineData("-0.5", null)]
    public void TryParse_Time_IsRead(string text, double? seconds)
    {
        Assert.True(KeepAlive.TryParse(text, out var keepAlive));
        Assert.Equal(seconds, keepAlive.Time?.TotalSeconds);
    }

    [Theory]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("5 m")]
    [InlineData("5min")]
    [InlineData("5m3")]
    [InlineData("1d")]
    [InlineData("1e400")]
    [InlineData("NaN")]
    [InlineData("Infinity")]
    [InlineData("2592001")]
    [InlineData("721h")]
    [InlineData("999999999h999999999h")]
    public void TryParse_NoTimeOrTooLong_IsRefused(string text) => Assert.False(KeepAlive.TryParse(text, out _));
}
