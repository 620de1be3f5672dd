using Gemma3Server.Engine.Caching;

namespace Gemma3Server.Engine.Tests.Caching;

public sealed class PreemptionCostTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void SwapIsCheaper_NothingMeasured_CopiesUnlessOthersHoldNearlyAll()
    {
        var cost = new PreemptionCost();
        Assert.True(cost.SwapIsCheaper(1000, 0, 1000));
        Assert.True(cost.SwapIsCheaper(1000, 0, 40));
        Assert.False(cost.SwapIsCheaper(1000, 0, 30));
        Assert.False(cost.SwapIsCheaper(0, 0, 0));
    }

    /// <summary>A byte takes 10 ms, a row 100: 2 x 100 bytes out and back against rows.</summary>
    [Fact]
    public void SwapIsCheaper_BothMeasured_ComparesTheirTimes()
    {
        var cost = new PreemptionCost();
        cost.ObserveCopy(100, Second);
        cost.ObserveStep(decodeRows: 0, prefillRows: 10, Second);
        Assert.True(cost.SwapIsCheaper(50, 100, 21));
        Assert.False(cost.SwapIsCheaper(50, 100, 20));
    }

    [Fact]
    public void ObserveStep_MainlyDecoding_TellsNothing()
    {
        var cost = new PreemptionCost();
        cost.ObserveCopy(100, Second);
        cost.ObserveStep(decodeRows: 10, prefillRows: 1, 100 * Second);
        Assert.False(cost.SwapIsCheaper(1000, 100, 30)); // the stand-in still
        cost.ObserveStep(decodeRows: 0, prefillRows: 1, 100 * Second);
        Assert.True(cost.SwapIsCheaper(1000, 100, 30));
    }

    [Fact]
    public void ObserveCopy_PriceChanges_IsFollowed()
    {
        var cost = new PreemptionCost();
        cost.ObserveStep(0, 10, Second);
        cost.ObserveCopy(100, Second);
        for (var i = 0; i < 50; i++) cost.ObserveCopy(100, 10 * Second);
        Assert.False(cost.SwapIsCheaper(50, 100, 150));
    }

    /// <summary>A row takes 2 ms: of a prompt of 64 tokens that nobody asked for again, a copy and its way back take no more than 32 ms.</summary>
    [Fact]
    public void CopyPays_Measured_IsWeighedFromAMillisecondOn()
    {
        var cost = new PreemptionCost();
        Assert.True(cost.CopyPays(1 << 30, 0)); // to learn from
        cost.ObserveStep(0, 500, Second);
        cost.ObserveCopy(1_000_000, Second); // 1 µs for a byte
        Assert.True(cost.CopyPays(999, 0));
        Assert.False(cost.CopyPays(2_000, 0));
        Assert.True(cost.CopyPays(31_000, PrefixCache.Chance * 64));
        Assert.False(cost.CopyPays(33_000, PrefixCache.Chance * 64));
    }
}
