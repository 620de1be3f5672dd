using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Caching;

/// <summary>Who gives up cells, and what becomes of its state.</summary>
public sealed class SwapTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 3, MicroBatchTokens = 16, MaxBatchTokens = 64, SharedCells = 200 };
    /// <summary>Copies and rows that take no time are not measured, so that what is cheaper does not depend on the machine.</summary>
    private static readonly StepClock Still = new(TimeSpan.Zero);
    private static readonly EngineOptions NoReserve = new() { ReserveTokens = 0 };

    [Fact]
    public void SwapOut_ThenRunAgain_ComputesNothingTwice()
    {
        using var harness = new EngineHarness(Shape, NoReserve, Still);
        var sequence = Preempt(harness);
        var kept = sequence.Swapped!.Length;
        Assert.Equal(sequence.Count - 1, kept);
        Assert.Equal(sequence.Swapped.Data.Length, harness.Cache.SwappedBytes);
        var rows = harness.Runtime.Rows;
        harness.Step();
        Assert.Equal((SequenceState.Running, kept + 1), (sequence.State, sequence.Computed));
        Assert.Equal(2, harness.Runtime.Rows - rows); // its own token and the other's
        Assert.Equal((null, 0), (sequence.Swapped, harness.Cache.SwappedBytes));
    }

    /// <summary>Cancelled prompts were no prompts: what the cache had done for it before is still what it did.</summary>
    [Fact]
    public void SwapOut_InTheMiddleOfThePrompt_KeepsTheCountOfCachedTokens()
    {
        using var harness = new EngineHarness(Shape, NoReserve, Still);
        harness.Submit("other", 100);
        harness.Step();
        var sequence = harness.Submit(new string('p', 100), 5);
        harness.Step();
        Assert.InRange(sequence.Computed, 1, 100);
        Assert.Same(sequence, harness.Scheduler.Preempt());
        Assert.NotNull(sequence.Swapped);
        while (!sequence.Output.Started) harness.Step();
        var started = sequence.Events().Start();
        Assert.Equal((0, 0), (started.CachedTokens, started.Cache!.ReusedTokens));
    }

    [Fact]
    public void SwapOut_NoHostMemory_ComputesAgain()
    {
        using var harness = new EngineHarness(Shape, NoReserve with { HostCacheBytes = 0 }, Still);
        var sequence = Preempt(harness);
        Assert.Null(sequence.Swapped);
        harness.RunToEnd();
        Assert.Equal(EngineHarness.RunAlone(sequence.Request, Shape).Tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
    }

    [Fact]
    public void SwapOut_HostMemoryFullOfPrefixes_ThesePass()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 2 }, NoReserve with { HostCacheBytes = 450, HostMinimumTokens = 1 }, Still);
        harness.Submit(new string('x', 100), 2);
        harness.RunToEnd();
        while (harness.Cache.TryEvict())
        {
        }

        Assert.InRange(harness.Cache.HostBytes, 400, 450);
        var sequence = Preempt(harness);
        Assert.NotNull(sequence.Swapped);
        Assert.Equal(0, harness.Cache.HostBytes);
        harness.Scheduler.CheckIntegrity();
    }

    [Fact]
    public void SwapOut_NearlyAllIsHeldByAnother_IsForgottenAndForkedAgain()
    {
        using var harness = new EngineHarness(Shape with { SharedCells = 400 }, NoReserve, Still);
        var stem = new string('s', 120);
        harness.Submit(stem, 100);
        for (var i = 0; i < 10; i++) harness.Step();
        var sequence = harness.Submit(stem + "t", 100);
        harness.Step();
        Assert.Equal(CacheSource.Fork, sequence.CacheExplanation.Source);
        Assert.Same(sequence, harness.Scheduler.Preempt());
        Assert.Null(sequence.Swapped);
        harness.Step();
        Assert.True(sequence.Computed > 120);
    }

    [Fact]
    public void RemoveCancelled_SwappedOut_FreesHostMemoryAtOnce()
    {
        using var harness = new EngineHarness(Shape, NoReserve, Still);
        var sequence = Preempt(harness);
        sequence.Cancel();
        harness.Scheduler.RemoveCancelled(_ => { });
        harness.Scheduler.CheckIntegrity();
        Assert.Equal((SequenceState.Finished, null, 0), (sequence.State, sequence.Swapped, harness.Cache.SwappedBytes));
    }

    [Fact]
    public void ClearHostMemory_AfterTheSequencesWereAbandoned_GivesAllBack()
    {
        using var harness = new EngineHarness(Shape, NoReserve, Still);
        var sequence = Preempt(harness);
        var held = harness.Runtime.LiveSnapshots;
        harness.Scheduler.Abandon(GenerationError.Draining, "bye");
        Assert.Equal((SequenceState.Finished, held), (sequence.State, harness.Runtime.LiveSnapshots));
        harness.Cache.ClearHostMemory();
        Assert.Equal((null, 0, 0), (sequence.Swapped, harness.Cache.SwappedBytes, harness.Runtime.LiveSnapshots));
    }

    [Fact]
    public void TryAcquire_SnapshotIsDamaged_ComputesAgain()
    {
        using var harness = new EngineHarness(Shape, NoReserve, Still);
        var sequence = Preempt(harness);
        var bytes = sequence.Swapped!.Data.ToArray();
        bytes[5] ^= 1;
        sequence.Swapped = sequence.Swapped with { Data = bytes };
        harness.RunToEnd();
        Assert.Equal(EngineHarness.RunAlone(sequence.Request, Shape).Tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
        Assert.Equal(0, harness.Cache.SwappedBytes);
    }

    [Fact]
    public void CheckIntegrity_SnapshotOfNobody_Throws()
    {
        using var harness = new EngineHarness(Shape, NoReserve, Still);
        var sequence = Preempt(harness);
        harness.Scheduler.CheckIntegrity();
        var kept = sequence.Swapped;
        sequence.Swapped = null;
        Assert.Throws<InvalidOperationException>(harness.Scheduler.CheckIntegrity);
        sequence.Swapped = kept;
        sequence.State = SequenceState.Waiting;
        Assert.Throws<InvalidOperationException>(harness.Scheduler.CheckIntegrity);
    }

    /// <summary>Two run; the younger one has given way.</summary>
    private static Sequence Preempt(EngineHarness harness)
    {
        harness.Submit("the older one", 60);
        var sequence = harness.Submit("the younger one", 60);
        for (var i = 0; i < 20; i++) harness.Step();
        Assert.Same(sequence, harness.Scheduler.Preempt());
        Assert.Equal(SequenceState.Preempted, sequence.State);
        return sequence;
    }
}
