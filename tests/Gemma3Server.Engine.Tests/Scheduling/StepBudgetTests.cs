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

    /// <summary>
    /// The second pass takes 50 of the 40 ms that a step may take longer: some steps do without prompts, so that the others have rows for as long
    /// as the pass, and the mean of all is the bound.
    /// </summary>
    [Theory]
    [InlineData(50)]
    [InlineData(35)]
    public void Rows_PassTakesMostOfTheBound_StepsWithoutPromptsEarnIt(double start)
    {
        var budget = Create();
        Converge(budget, decode: 40, start: start, row: 0.5, vary: true);
        var steps = Run(budget, 200, decode: 40, rows => start + (0.5 * rows));
        Assert.InRange(steps.Average(step => step.Milliseconds), 70, 84);
        Assert.All(steps, step => Assert.InRange(step.Milliseconds, 40, 160));
        Assert.InRange(steps.Where(step => step.Rows > 0).Average(step => step.Rows), 1.4 * start, 2.6 * start);
    }

    /// <summary>A pass that breaks even the bound of a single step: rows then have the share of each, and as long as the pass at most.</summary>
    [Theory]
    [InlineData(0.25, 140, 180)]
    [InlineData(0.5, 220, 275)]
    public void Rows_NoStepHoldsAWorthwhileChunk_TakeTheirShareOfEachStep(double share, int least, int most)
    {
        var rows = Converge(Create(new() { PrefillShare = share }), decode: 40, start: 90, row: 0.5, vary: true);
        Assert.InRange(rows, least, most);
    }

    /// <summary>What was measured of a CPU: 2.2 ms a row below 64 rows and 1.3 ms in whole tiles, 65 ms for eight streams.</summary>
    [Fact]
    public void Rows_RuntimeComputesTiles_WholeTilesKeepThePaceOnTheMean()
    {
        var budget = new StepBudget(new(), Most, 16, tile: 64);
        Run(budget, 40, decode: 65, Tiled);
        var steps = Run(budget, 200, decode: 65, Tiled);
        Assert.InRange(steps.Average(step => step.Milliseconds), 115, 133);
        Assert.All(steps, step => Assert.InRange(step.Milliseconds, 65, 160));
        Assert.All(steps, step => Assert.True(step.Rows % 64 == 0, $"{step.Rows} rows"));
        Assert.InRange(steps.Average(step => step.Rows), 38, 52); // 29 without tiles
    }

    /// <summary>With one stream of 10 ms a tile is a gap of a tenth of a second: not noticed once in a while. A bound in milliseconds holds.</summary>
    [Theory]
    [InlineData(0, 0, 64)]
    [InlineData(60, 16, 30)]
    public void Rows_TileIsLongForOneStream_OnlyABoundInMillisecondsForbidsIt(double milliseconds, int least, int most)
    {
        var budget = new StepBudget(new() { InterTokenMilliseconds = milliseconds }, Most, 16, tile: 64);
        budget.Observe(0, 512, Milliseconds(665));
        Run(budget, 40, decode: 10, Tiled);
        var steps = Run(budget, 100, decode: 10, Tiled);
        Assert.All(steps, step => Assert.InRange(step.Rows, least, most));
        if (milliseconds == 0) Assert.InRange(steps.Average(step => step.Milliseconds), 17, 21);
        else Assert.All(steps, step => Assert.InRange(step.Milliseconds, 0, milliseconds));
    }

    /// <summary>The first tile took three times as long as it should: after a while it is tried again.</summary>
    [Fact]
    public void Rows_FirstTileStalls_TilesComeBack()
    {
        var budget = new StepBudget(new(), Most, 16, tile: 64);
        budget.Observe(4, 0, Milliseconds(65));
        budget.Observe(4, 64, Milliseconds(65 + (3 * Tiled(64))));
        Run(budget, 200, decode: 65, Tiled);
        Assert.InRange(Run(budget, 100, decode: 65, Tiled).Average(step => step.Rows), 38, 52);
    }

    /// <summary>Bounds that leave prompts nothing leave them a little.</summary>
    [Fact]
    public void Rows_FactorOneAndNoShare_PromptsCrawlButCome()
    {
        foreach (var tile in new[] { 1, 64 })
        {
            var budget = new StepBudget(new() { InterTokenFactor = 1, PrefillShare = 0 }, Most, 16, tile);
            Run(budget, 100, decode: 65, Tiled);
            Assert.InRange(Run(budget, 400, decode: 65, Tiled).Average(step => step.Rows), 1, 8);
        }
    }

    /// <summary>Room for less than a chunk: what there is.</summary>
    [Theory]
    [InlineData(48, 64)]
    [InlineData(5, 64)]
    [InlineData(48, 1)]
    [InlineData(5, 1)]
    public void Rows_StepHasLittleRoom_StaysInIt(int room, int tile)
    {
        var budget = new StepBudget(new(), Most, 16, tile);
        Run(budget, 40, decode: 65, Tiled);
        for (var i = 0; i < 50; i++)
        {
            var rows = budget.Rows(4, 1000, room);
            Assert.InRange(rows, tile == 1 ? 0 : Math.Min(room, StepBudget.LeastChunk), room);
            budget.Observe(4, rows, Milliseconds(65 + Tiled(rows)));
        }
    }

    /// <summary>A few rows behind a tile go with it; the last rows of a prompt, which cost more each, in parts as long as a tile.</summary>
    [Theory]
    [InlineData(70, 70, 70)]
    [InlineData(100, 64, 64)]
    [InlineData(63, 34, 44)]
    [InlineData(30, 30, 30)]
    public void Rows_PromptEnds_StepIsNoLongerThanOthers(int rest, int least, int most)
    {
        var budget = new StepBudget(new(), Most, 16, tile: 64);
        Run(budget, 40, decode: 65, Tiled);
        for (var i = 0; i < 40; i++) budget.Observe(4, 30, Milliseconds(65 + Tiled(30)));
        Assert.InRange(Next(budget, 4, rest), least, most);
    }

    /// <summary>Nobody is owed the time that passed while no prompt was there.</summary>
    [Fact]
    public void Rows_NobodyWaited_NothingIsSaved()
    {
        var budget = Create();
        Converge(budget, decode: 40, start: 0, row: 0.5);
        budget.NobodyWaits();
        var first = budget.Rows(4);
        for (var i = 0; i < 10; i++)
        {
            budget.Observe(4, 0, Milliseconds(40));
            budget.NobodyWaits();
        }

        Assert.InRange(budget.Rows(4), first * 0.98, first * 1.02);
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
        Assert.InRange(Next(budget), before * 0.7, before * 1.1);
        budget.Observe(4, 0, TimeSpan.FromSeconds(30));
        Assert.InRange(Next(budget), before * 0.7, before * 1.35);
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
            var granted = budget.Rows(4);
            Assert.InRange(granted, 0, Most);
            var rows = granted > 0 && random.Next(5) == 0 ? random.Next(1, granted + 1) : granted;
            budget.Observe(4, rows, Milliseconds(Noisy(40 + (0.5 * rows))));
            sum += rows;
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
            if (vary && i % 3 == 0) rows = (rows + 1) / 2; // the end of a prompt
            budget.Observe(decodeRows, rows, Milliseconds(decode + (rows > 0 ? start + (row * rows) : 0)));
        }

        return Next(budget, decodeRows);
    }

    /// <summary>What the next step with prefill has, behind however many without.</summary>
    private static int Next(StepBudget budget, int decodeRows = 4, int rest = int.MaxValue)
    {
        budget.NobodyWaits();
        for (var i = 0; i < 1000; i++)
        {
            if (budget.Rows(decodeRows, rest) is > 0 and var rows) return rows;
        }

        throw new InvalidOperationException("No step has rows for a prompt.");
    }

    /// <summary>Runs steps of four streams with as many rows as the budget says; the first only decodes.</summary>
    private static List<(int Rows, double Milliseconds)> Run(StepBudget budget, int steps, double decode, Func<int, double> prefill)
    {
        budget.Observe(4, 0, Milliseconds(decode));
        List<(int, double)> all = [];
        for (var i = 0; i < steps; i++)
        {
            var rows = budget.Rows(4);
            var milliseconds = decode + (rows > 0 ? prefill(rows) : 0);
            budget.Observe(4, rows, Milliseconds(milliseconds));
            all.Add((rows, milliseconds));
        }

        return all;
    }

    private static double Tiled(int rows) => rows < 64 ? 2.2 * rows : 1.32 * rows;
}
