using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Caching;

/// <summary>Who is admitted where cells are shared, and that a forecast that came true preempts nobody.</summary>
public sealed class CellForecastTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 8, MicroBatchTokens = 64, MaxBatchTokens = 512, SharedCells = 300 };

    /// <summary>Each needs 1 + 9 prompt tokens and 40 of an answer: six fit into 300 cells.</summary>
    [Fact]
    public void HasRoom_AnswersAreForeseen_RunsAsManyAsFitAndPreemptsNobody()
    {
        using var harness = new EngineHarness(Shape);
        for (var i = 0; i < 16; i++) harness.Submit($"request {i % 10}", 40);
        harness.Step();
        Assert.Equal(6, harness.Scheduler.RunningCount);
        harness.RunToEnd();
        Assert.Equal(0, harness.Metrics.Snapshot(0, 0).Preempted);
    }

    [Fact]
    public void HasRoom_ReserveIsBounded_RunsMoreAndSomeGiveWay()
    {
        using var harness = new EngineHarness(Shape, new() { ReserveTokens = 5 });
        var sequences = Enumerable.Range(0, 16).Select(i => harness.Submit($"request {i % 10}", 40)).ToArray();
        harness.Step();
        Assert.Equal(8, harness.Scheduler.RunningCount);
        harness.RunToEnd();
        Assert.True(harness.Metrics.Snapshot(0, 0) is { Preempted: > 0, Swapped: > 0 });
        Assert.All(sequences, s => Assert.Equal(40, s.Events().Finish().CompletionTokens));
    }

    [Fact]
    public void HasRoom_ClientThatIsKnownForShortAnswers_NeedsLess()
    {
        using var harness = new EngineHarness(Shape with { Next = _ => FakeTokenizer.EndOfTurn });
        for (var i = 0; i < 30; i++)
        {
            harness.Submit($"q{i}", 40, r => r with { IgnoreEndOfGeneration = false });
            harness.RunToEnd();
        }

        for (var i = 0; i < 8; i++) harness.Submit($"request {i}", 40);
        harness.Step();
        Assert.Equal(8, harness.Scheduler.RunningCount);
    }

    /// <summary>Eight times 150 tokens would not fit; once, and eight tails, do.</summary>
    [Fact]
    public void HasRoom_SharedPrompt_CountsOnce()
    {
        using var harness = new EngineHarness(Shape);
        var stem = new string('s', 150);
        var sequences = Enumerable.Range(0, 8).Select(i => harness.Submit($"{stem}{i}", 10)).ToArray();
        while (harness.Scheduler.RunningCount < 8) harness.Step();
        Assert.True(harness.Runtime.UsedCells < 300);
        harness.RunToEnd();
        Assert.Equal(0, harness.Metrics.Snapshot(0, 0).Preempted);
        Assert.All(sequences, s => Assert.Equal(10, s.Generated));
    }

    [Fact]
    public void HasRoom_SharedPromptWhoseFirstHolderHasLeft_StillCountsItOnce()
    {
        using var harness = new EngineHarness(Shape);
        var stem = new string('s', 150);
        var first = harness.Submit(stem, 30);
        for (var i = 0; i < 3; i++) harness.Step();
        Sequence[] others = [harness.Submit($"{stem}b", 30), harness.Submit($"{stem}c", 30)];
        harness.Step();
        Assert.Equal(3, harness.Scheduler.RunningCount);
        first.Cancel();
        harness.Scheduler.RemoveCancelled(_ => { });
        var large = harness.Submit(new string('l', 80), 10); // 151 shared, 31 + 31 of the two: 91 more are too many
        harness.Step();
        Assert.Equal(1, large.Position);
        var small = harness.Submit("m", 5, r => r with { Priority = RequestPriority.Priority });
        harness.Step();
        Assert.Equal(SequenceState.Running, small.State);
        harness.RunToEnd();
        Assert.Equal(0, harness.Metrics.Snapshot(0, 0).Preempted);
        Assert.All(others, s => Assert.Equal(30, s.Generated));
    }
}
