using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class CudaDriverTests
{
    [Theory]
    [InlineData(13_000, 8, 6)] // RTX 30
    [InlineData(13_000, 8, 9)] // RTX 40
    [InlineData(13_000, 12, 0)] // RTX 50
    [InlineData(13_010, 9, 0)]
    [InlineData(13_020, 7, 5)]
    public void WhyUnusable_MachineCodeOrNewDriver_IsUsable(int version, int major, int minor) =>
        Assert.Null(CudaDriver.WhyUnusable(version, (major, minor)));

    [Theory]
    [InlineData(13_000, 9, 0, "13.0")] // H200, measured: the first step aborts
    [InlineData(12_080, 8, 0, "12.8")]
    [InlineData(13_000, 7, 5, "13.0")]
    public void WhyUnusable_PtxNewerThanTheDriver_SaysWhatIsNeeded(int version, int major, int minor, string named)
    {
        var reason = CudaDriver.WhyUnusable(version, (major, minor));

        Assert.Contains($"{major}.{minor}", reason, StringComparison.Ordinal);
        Assert.Contains(named, reason, StringComparison.Ordinal);
        Assert.Contains("13.1", reason, StringComparison.Ordinal);
    }
}
