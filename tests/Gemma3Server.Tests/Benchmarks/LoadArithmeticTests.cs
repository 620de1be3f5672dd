using Gemma3Server.Benchmarks.Load;
using Gemma3Server.Cli.Bench;

namespace Gemma3Server.Tests.Benchmarks;

/// <summary>The arithmetic behind the benchmark scenarios and the soak.</summary>
public sealed class LoadArithmeticTests
{
    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.5, 3)]
    [InlineData(0.9, 4.6)]
    [InlineData(1, 5)]
    public void Quantile_FiveValues_IsLinearBetweenNeighbours(double q, double expected) =>
        Assert.Equal(expected, new[] { 5.0, 1, 4, 2, 3 }.Quantile(q), 12);

    [Fact]
    public void Quantile_NoValues_IsNotANumber() => Assert.True(double.IsNaN(Array.Empty<double>().Median()));

    [Fact]
    public void Times_SameSeed_SameArrivals()
    {
        Assert.Equal(PoissonArrivals.Times(3, 50, seed: 7), PoissonArrivals.Times(3, 50, seed: 7));
        Assert.NotEqual(PoissonArrivals.Times(3, 50, seed: 7), PoissonArrivals.Times(3, 50, seed: 8));
    }

    [Fact]
    public void Times_ManyArrivals_GapsAreExponential()
    {
        const int Count = 20_000;
        const double Rate = 4;
        var times = PoissonArrivals.Times(Rate, Count, seed: 1);
        double[] gaps = [.. times.Zip(times.Prepend(0), (time, before) => time - before)];

        Assert.All(gaps, gap => Assert.True(gap >= 0));
        // An exponential distribution: its deviation is its mean, and its median ln 2 of that. Bounds of five standard errors.
        Assert.InRange(gaps.Average() * Rate, 1 - (5 / Math.Sqrt(Count)), 1 + (5 / Math.Sqrt(Count)));
        Assert.InRange(Math.Sqrt(gaps.Average(gap => gap * gap) - Math.Pow(gaps.Average(), 2)) * Rate, 0.93, 1.07);
        Assert.InRange(gaps.Median() * Rate / Math.Log(2), 0.95, 1.05);
    }

    [Fact]
    public void Times_NoRate_Throws() => Assert.Throws<ArgumentOutOfRangeException>(() => PoissonArrivals.Times(0, 1, seed: 1));

    [Theory]
    [InlineData(true, 0.5, 0.05, true)]
    [InlineData(true, 1.0, 0.1, true)]
    [InlineData(true, 1.1, 0.05, false)]
    [InlineData(true, 0.5, 0.11, false)]
    [InlineData(false, 0.5, 0.05, false)]
    [InlineData(false, double.NaN, double.NaN, false)]
    public void Admit_OneOutcome_NeedsBothBoundsAndTheEnd(bool completed, double first, double pace, bool good) =>
        Assert.Equal(good, new GoodputBounds(1, 0.1).Admit(new(completed, first, pace)));

    [Fact]
    public void Share_MixedOutcomes_CountsTheGoodOverAll()
    {
        var bounds = new GoodputBounds(1, 0.1);
        RequestOutcome[] outcomes = [new(true, 0.1, 0.01), new(true, 2, 0.01), new(false, double.NaN, double.NaN), new(true, 0.2, 0)];

        Assert.Equal(0.5, bounds.Share(outcomes));
        Assert.True(double.IsNaN(bounds.Share([])));
    }

    [Theory]
    [InlineData(2.0, 5, 0.5)]
    [InlineData(2.0, 1, 0)]
    [InlineData(2.0, 0, 0)]
    public void PerToken_Tokens_LeavesTheFirstOut(double seconds, int tokens, double expected) =>
        Assert.Equal(expected, RequestOutcome.PerToken(seconds, tokens));

    [Fact]
    public void Slope_LineWithNoise_IsTheLines() =>
        Assert.Equal(2, LinearTrend.Slope([(0, 1.5), (1, 2.5), (2, 5.5), (3, 6.5)]), 0.21);

    [Fact]
    public void Slope_ExactLine_IsExact() => Assert.Equal(-0.5, LinearTrend.Slope([(1, 4), (3, 3), (7, 1)]), 12);

    [Fact]
    public void Slope_TooFewPoints_IsZero()
    {
        Assert.Equal(0, LinearTrend.Slope([]));
        Assert.Equal(0, LinearTrend.Slope([(1, 9)]));
        Assert.Equal(0, LinearTrend.Slope([(1, 9), (1, 3)]));
    }

    [Fact]
    public void Sizes_ManyRequests_ATenthIsLongAndTheRestWithinBounds()
    {
        var sizes = RequestMix.Sizes(10_000, longPrompt: 2048, seed: 3);

        Assert.InRange(sizes.Count(size => size.Prompt == 2048), 850, 1150);
        Assert.All(sizes.Where(size => size.Prompt != 2048), size => Assert.InRange(size.Prompt, 16, 512));
        Assert.All(sizes, size => Assert.InRange(size.Answer, 8, 192));
        Assert.InRange(sizes.Select(size => (double)size.Answer).Median(), 60, 68);
        Assert.Equal(sizes.Select(size => size.Answer), RequestMix.Sizes(10_000, longPrompt: 99, seed: 3).Select(size => size.Answer));
    }

    [Fact]
    public void GapsAcross_Window_TakesTheGapsThatReachIntoIt()
    {
        var timeline = new StreamTimeline();
        for (var token = 1; token <= 4; token++) timeline.Arrived(token);

        Assert.Equal(timeline.Gaps(), timeline.GapsAcross(0, long.MaxValue));
        Assert.Empty(timeline.GapsAcross(timeline.LastToken, long.MaxValue));
        Assert.Empty(timeline.GapsAcross(0, timeline.FirstToken));
    }
}
