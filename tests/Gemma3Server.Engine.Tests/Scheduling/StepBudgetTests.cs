using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine.Tests.Scheduling;

public sealed class StepBudgetTests
{
    private const int Most = 512;

    [Fact]
    public void Rows_NothingDecodes_IsTheWholeMicroBatch()
    {
        var budget = Create();
        Assert.Equal(Most, budget.Rows(0));
    }

    [Fact]
    public void Rows_NothingMeasured_IsTheLeastChunk()
    {
        var budget = Create();
        Assert.Equal(StepBudget.LeastChunk, budget.Rows(3));
        budget.Observe(3, 0, Milliseconds(20));
        Assert.Equal(StepBudget.LeastChunk, budget.Rows(3));
    }

    /// <summary>Decode 40 ms, a row 0.5 ms: twice the decode time leaves 40 ms, which is 80 rows.</summary>
    [Fact]
    public void Rows_CostsAreSteady_FillTheBoundExactly()
    {
        var rows = Converge(Create(), decode: 40, start: 0, row: 0.5);
        Assert.InRange(rows, 76, 84);
    }

    /// <summary>A second pass costs 10 ms however few the rows: 30 of the 40 ms are left for them.</summary>
    [Fact]
    public void Rows_PrefillCostsAtOnce_LeavesThatOutOfTheBound()
    {
        var rows = Converge(Create(), decode: 40, start: 10, row: 0.5, vary: true);
        Assert.InRange(rows, 54, 66);
    }

    /// <summary>The second pass takes all of the bound: rows then have the share, a third of 80 ms, and the 40 ms of the pass at least.</summary>
    [Theory]
    [InlineData(0.25, 70, 84)]
    [InlineData(0.5, 145, 170)]
    public void Rows_BoundCannotBeKept_TakeTheirShareAndAsLongAsThePass(double share, int least, int most)
    {
        var rows = Converge(Create(new() { PrefillShare = share }), decode: 40, start: 40, row: 0.5, vary: true);
        Assert.InRange(rows, least, most);
    }

    [Fact]
    public void Rows_MillisecondsAreSmaller_TheyHold()
    {
        var rows = Converge(Create(new() { InterTokenFactor = 100, InterTokenMilliseconds = 60, PrefillShare = 0 }), decode: 40, start: 0, row: 0.5);
        Assert.InRange(rows, 38, 42);
    }

    [Theory]
    [InlineData(0.5, 80)]
    [InlineData(0.75, 240)]
    public void Rows_ShareIsLarger_ItHolds(double share, int expected)
    {
        var rows = Converge(Create(new() { InterTokenFactor = 1, PrefillShare = share }), decode: 40, start: 0, row: 0.5);
        Assert.InRange(rows, expected * 0.94, expected * 1.06);
    }

    [Fact]
    public void Rows_RowsAreCheapOrDear_StaysWithinItsBounds()
    {
        Assert.Equal(Most, Converge(Create(), decode: 40, start: 0, row: 0.001));
        Assert.Equal(StepBudget.LeastChunk, Converge(Create(), decode: 40, start: 0, row: 50));
    }

    [Fact]
    public void Rows_RowsSeemFree_GrowByDoubling()
    {
        var budget = Create();
        budget.Observe(1, 0, Milliseconds(40));
        var last = budget.LeastRows;
        while (last < Most)
        {
            budget.Observe(1, last, Milliseconds(40));
            Assert.InRange(budget.Rows(1), last + 1, 2 * last);
            last = budget.Rows(1);
        }
    }

    [Fact]
    public void Rows_OneStepStalls_BudgetHardlyMoves()
    {
        var budget = Create();
        var before = Converge(budget, decode: 40, start: 0, row: 0.5);
        budget.Observe(4, before, TimeSpan.FromSeconds(30));
        Assert.InRange(budget.Rows(4), before * 0.7, before);
        budget.Observe(4, 0, TimeSpan.FromSeconds(30));
        Assert.InRange(budget.Rows(4), before * 0.7, before * 1.35);
    }

    [Fact]
    public void Rows_CostsChangeForGood_Follow()
    {
        var budget = Create();
        Converge(budget, decode: 40, start: 0, row: 0.5);
        Assert.InRange(Converge(budget, decode: 40, start: 0, row: 2), 18, 22);
        Assert.InRange(Converge(budget, decode: 40, start: 0, row: 0.25), 150, 170);
    }

    [Fact]
    public void Rows_MoreStreams_HaveADecodeTimeOfTheirOwn()
    {
        var budget = Create();
        for (var i = 0; i < 10; i++)
        {
            budget.Observe(1, 0, Milliseconds(10));
            budget.Observe(8, 0, Milliseconds(80));
        }

        for (var i = 0; i < 50; i++) budget.Observe(1, 64, Milliseconds(10 + 32));
        Assert.InRange(budget.Rows(1), 16, 22);
        Assert.InRange(budget.Rows(8), 120, 160);
        Assert.Equal(budget.Rows(8), budget.Rows(7)); // the nearest that is known
    }

    [Fact]
    public void Rows_FirstDecodeStepsWarmUp_DoNotCount()
    {
        var budget = Create();
        budget.Observe(2, 0, TimeSpan.FromSeconds(5));
        Assert.InRange(Converge(budget, decode: 40, start: 0, row: 0.5, decodeRows: 2), 76, 84);
    }

    [Fact]
    public void Rows_PromptsRanAloneBefore_GiveTheFirstIdea()
    {
        var budget = Create();
        budget.Observe(0, 512, Milliseconds(256));
        budget.Observe(1, 0, Milliseconds(40));
        Assert.Equal(80, budget.Rows(1));
    }

    /// <summary>Noise of half the time both ways, stalls now and then, and every size of chunk: the budget stays where it belongs.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Rows_NoisySteps_StayNearTheTruth(int seed)
    {
        var random = new Random(seed);
        var budget = Create();
        double Noisy(double milliseconds) => milliseconds * (0.5 + random.NextDouble()) * (random.Next(40) == 0 ? 10 : 1);
        long sum = 0;
        const int Steps = 2000;
        for (var i = 0; i < Steps; i++)
        {
            if (random.Next(4) == 0) budget.Observe(4, 0, Milliseconds(Noisy(40)));
            var rows = random.Next(5) == 0 ? random.Next(1, budget.Rows(4) + 1) : budget.Rows(4);
            budget.Observe(4, rows, Milliseconds(Noisy(40 + (0.5 * rows))));
            Assert.InRange(budget.Rows(4), StepBudget.LeastChunk, Most);
            sum += budget.Rows(4);
        }

        Assert.InRange(sum / Steps, 50, 130);
    }

    private static StepBudget Create(EngineOptions? options = null) => new(options ?? new(), Most, 16);

    private static TimeSpan Milliseconds(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    /// <summary>Runs steps of these costs, as large as the budget says; returns the last budget.</summary>
    private static int Converge(StepBudget budget, double decode, double start, double row, bool vary = false, int decodeRows = 4)
    {
        for (var i = 0; i < 300; i++)
        {
            if (i % 10 == 0) budget.Observe(decodeRows, 0, Milliseconds(decode));
            var rows = budget.Rows(decodeRows);
            if (vary && i % 3 == 0) rows = Math.Max(1, rows / 2); // the end of a prompt
            budget.Observe(decodeRows, rows, Milliseconds(decode + start + (row * rows)));
        }

        return budget.Rows(decodeRows);
    }
}
