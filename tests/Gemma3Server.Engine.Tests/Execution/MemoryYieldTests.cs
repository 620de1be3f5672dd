using Gemma3Server.Engine.Execution;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Execution;

/// <summary>What gives way when there is no memory to compute a step.</summary>
public sealed class MemoryYieldTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 4, ContextLength = 1024, MicroBatchTokens = 128, MaxBatchTokens = 256 };

    /// <summary>Copies cost no time on it: whether one pays shall not depend on what else the machine does.</summary>
    private static TimeProvider Unhurried => new StepClock(TimeSpan.Zero);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Step_AllocationFailsSeveralTimes_NobodyNotices(int failures)
    {
        // From the first decode step on: three sequences run, and give way one after the other.
        using var harness = new EngineHarness(Shape with { OnForward = n => n >= 3 && n < 3 + failures ? ForwardStatus.OutOfMemory : ForwardStatus.Ok });
        var sequences = Enumerable.Range(0, 3).Select(i => harness.Submit(new string((char)('a' + i), 30 + i), 20)).ToArray();
        harness.RunToEnd();
        Assert.All(sequences, s => Assert.Equal(EngineHarness.RunAlone(s.Request, Shape).Tokens, s.Tokens[s.PromptLength..].ToArray()));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(1000)]
    public void Step_AllocationFailsAndRowsStay_GoesOnFromThere(int rowsKept)
    {
        using var harness = new EngineHarness(new PartialFailureRuntime(new(Shape), failures: 3, rowsKept: rowsKept, status: ForwardStatus.OutOfMemory));
        var sequences = new[] { harness.Submit(new string('a', 40), 12), harness.Submit("short", 12) };
        harness.RunToEnd();
        Assert.All(sequences, s => Assert.Equal(EngineHarness.RunAlone(s.Request, Shape).Tokens, s.Tokens[s.PromptLength..].ToArray()));
    }

    [Fact]
    public void Step_NoMemoryForSnapshots_TheyAreDoneWithout()
    {
        var random = new Random(1);
        var shape = Shape with { SlidingWindow = 24, MaxSequences = 2, MicroBatchTokens = 32 };
        using var harness = new EngineHarness(
            shape with { SnapshotFails = () => random.Next(3) == 0 }, new() { ForkMinimumTokens = 1, HostMinimumTokens = 1 }, Unhurried);
        for (var i = 0; i < 40; i++)
        {
            var sequence = harness.Submit(new string((char)('a' + (i % 5)), 100 + (i % 7)), 12);
            harness.RunToEnd();
            Assert.Equal(EngineHarness.RunAlone(sequence.Request, shape).Tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
        }

        Assert.True(harness.Metrics.Snapshot(0, 0).CachedTokens > 0);
    }

    [Fact]
    public void Step_CachedPrefixesAreThere_TheyGiveWayFirstAndNothingElse()
    {
        var failAt = -1;
        using var harness = new EngineHarness(Shape with { OnForward = n => n == failAt ? ForwardStatus.OutOfMemory : ForwardStatus.Ok });
        harness.Submit(new string('a', 200), 5);
        harness.RunToEnd();
        Assert.True(harness.Runtime.UsedCells > 200);
        var next = harness.Submit(new string('b', 20), 5);
        failAt = harness.Runtime.Forwards;
        harness.Step();
        Assert.Equal(0, harness.Runtime.UsedCells);
        Assert.Equal(harness.Scheduler.StepTokens, harness.Scheduler.RowLimit);
        harness.RunToEnd();
        Assert.Equal(5, next.Events().Finish().CompletionTokens);
        Assert.Equal(0, harness.Metrics.Snapshot(0, 0).Preempted);
    }

    [Fact]
    public void Step_MemoryForFewRows_StepsShrinkAndGrowAgain()
    {
        var rows = 40;
        using var harness = new EngineHarness(Shape with { RowsInMemory = () => rows }, new() { AdaptiveBudget = false });
        var sequences = Enumerable.Range(0, 3).Select(i => harness.Submit(new string((char)('a' + i), 500), 100)).ToArray();
        harness.RunToEnd();
        Assert.InRange(harness.Runtime.RowsPerForward.Max(), MemoryYield.LeastRows, 40);
        Assert.All(sequences, s => Assert.Equal(EngineHarness.RunAlone(s.Request, Shape).Tokens, s.Tokens[s.PromptLength..].ToArray()));

        rows = int.MaxValue;
        harness.Submit("short", 6 * MemoryYield.StepsToRecover, r => r with { IgnoreEndOfGeneration = true });
        harness.RunToEnd();
        Assert.Equal(harness.Scheduler.StepTokens, harness.Scheduler.RowLimit);
        harness.Submit(new string('z', 500), 1);
        harness.RunToEnd();
        Assert.Contains(Shape.MicroBatchTokens, harness.Runtime.RowsPerForward);
    }

    [Fact]
    public void Step_MemoryForFewerRowsThanStreams_SequencesAreComputedInTurn()
    {
        var rows = int.MaxValue;
        using var harness = new EngineHarness(Shape with { MaxSequences = 24, RowsInMemory = () => rows });
        var sequences = Enumerable.Range(0, 24).Select(i => harness.Submit($"prompt {i}", 40, r => r with { IgnoreEndOfGeneration = true })).ToArray();
        while (sequences.Any(s => s.Generated == 0)) harness.Step();
        rows = 16;
        harness.RunToEnd();
        Assert.InRange(harness.Metrics.Snapshot(0, 0).Preempted, 8, int.MaxValue);
        Assert.All(sequences, s => Assert.Equal(EngineHarness.RunAlone(s.Request, Shape).Tokens, s.Tokens[s.PromptLength..].ToArray()));
    }

    [Fact]
    public void Step_NoMemoryForTheSmallestStep_ThatRequestFailsAndTheEngineLives()
    {
        var rows = 0;
        using var harness = new EngineHarness(Shape with { RowsInMemory = () => rows });
        var failing = new[] { harness.Submit("first", 5), harness.Submit("second", 5) };
        harness.RunToEnd();
        Assert.All(failing, s => Assert.Equal(new(GenerationError.OutOfMemory, "There is no memory left to compute this request."), s.Events().Failure()));

        rows = int.MaxValue;
        var served = harness.Submit("third", 5);
        harness.RunToEnd();
        Assert.Equal(EngineHarness.RunAlone(served.Request, Shape).Tokens, served.Tokens[served.PromptLength..].ToArray());
    }
}
