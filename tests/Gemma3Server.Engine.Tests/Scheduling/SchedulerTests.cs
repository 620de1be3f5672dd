using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Scheduling;

public sealed class SchedulerTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 4, MicroBatchTokens = 16, MaxBatchTokens = 32 };

    [Fact]
    public void Schedule_LongPrompt_ChunksEndAtMultiplesOfTheMicroBatch()
    {
        using var harness = new EngineHarness(Shape);
        var sequence = harness.Submit(new string('p', 40), 5); // 41 tokens with the beginning of sequence
        List<int> ends = [];
        while (!sequence.Output.Started)
        {
            harness.Step();
            ends.Add(sequence.Computed);
        }

        Assert.Equal([16, 32, 41], ends);
        Assert.Equal(3, harness.Runtime.Forwards);
    }

    [Fact]
    public void Schedule_PromptArrivesWhileOthersDecode_EveryStreamGetsATokenInEveryStep()
    {
        using var harness = new EngineHarness(Shape);
        Sequence[] decoding = [harness.Submit("aaa", 50), harness.Submit("bbb", 50)];
        while (!decoding.All(s => s.Output.Started)) harness.Step();

        var late = harness.Submit(new string('p', 99), 5);
        while (!late.Output.Started)
        {
            var before = decoding.Select(s => s.Generated).ToArray();
            harness.Step();
            Assert.Equal(before.Select(n => n + 1), decoding.Select(s => s.Generated));
            Assert.True(harness.Runtime.RowsPerForward[^1] <= 16 + 2);
        }

        // The two decode rows come on top of a micro batch, so the 100 tokens take seven chunks, as they would alone.
        Assert.Equal(1 + 7, harness.Runtime.Forwards);
    }

    [Fact]
    public void Schedule_PrefillEnds_DecodesFromTheNextStepOn()
    {
        using var harness = new EngineHarness(Shape);
        var first = harness.Submit(new string('a', 15), 10);
        var second = harness.Submit(new string('b', 40), 10);
        harness.Step();
        Assert.Equal((1, 0), (first.Generated, second.Generated));
        harness.Step();
        Assert.Equal((2, 0), (first.Generated, second.Generated));
        Assert.True(second.Computed > 0);
    }

    [Fact]
    public void Schedule_ShortPrompts_ShareOneStep()
    {
        using var harness = new EngineHarness(Shape);
        var sequences = Enumerable.Range(0, 4).Select(i => harness.Submit($"p{i}", 3)).ToArray();
        harness.Step();
        Assert.All(sequences, s => Assert.Equal(1, s.Generated));
        Assert.Equal([12], harness.Runtime.RowsPerForward);
    }

    [Fact]
    public void Schedule_OnlyTheLastPromptRowAsksForLogits()
    {
        using var harness = new EngineHarness(Shape);
        var sequence = harness.Submit(new string('a', 20), 3);
        var plan = harness.Scheduler.Schedule();
        Assert.Equal(new PlannedRows(sequence, 0, 16, false), Assert.Single(plan.Entries.ToArray()));
        sequence.Computed = 16;
        plan = harness.Scheduler.Schedule();
        Assert.Equal(new PlannedRows(sequence, 16, 5, true), Assert.Single(plan.Entries.ToArray()));
    }

    [Fact]
    public void Schedule_StepTokensBelowTheNumberOfSequences_PrefillStillGoesOn()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 8 }, new() { StepTokens = 1 });
        for (var i = 0; i < 7; i++) harness.Submit($"decode {i}", 200);
        for (var i = 0; i < 20; i++) harness.Step();
        var late = harness.Submit("late", 2);
        harness.RunToEnd();
        Assert.Equal(2, late.Generated);
    }

    [Fact]
    public void Schedule_MoreSequencesThanRows_RunsAsManyAsFitOneBatch()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 8, MaxBatchTokens = 4, MicroBatchTokens = 4 });
        var sequences = Enumerable.Range(0, 8).Select(i => harness.Submit($"p{i}", 10)).ToArray();
        harness.Step();
        Assert.Equal(4, harness.Scheduler.RunningCount);
        harness.RunToEnd();
        Assert.All(sequences, s => Assert.Equal(10, s.Generated));
    }

    [Fact]
    public void Schedule_PlanIsInOrderOfSequenceId()
    {
        using var harness = new EngineHarness(Shape);
        var ends = new[] { 1, 30, 1, 30 };
        foreach (var end in ends) harness.Submit($"p{end}", end);
        harness.Step();
        harness.Submit("new", 5);
        var ids = harness.Scheduler.Schedule().Entries.ToArray().Select(e => e.Sequence.Id).ToArray();
        Assert.Equal(ids.Order(), ids);
        Assert.Equal(3, ids.Length);
    }

    [Fact]
    public void RemoveCancelled_WaitingPrefillingAndDecoding_FreesTheirIdsAtOnce()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 2 });
        var decoding = harness.Submit("d", 100);
        harness.Step();
        var prefilling = harness.Submit(new string('p', 100), 5);
        var waiting = harness.Submit("w", 5);
        harness.Step();
        Assert.Equal((2, 1), (harness.Scheduler.RunningCount, harness.Scheduler.WaitingCount));
        Assert.InRange(prefilling.Computed, 1, 99);

        foreach (var sequence in new[] { decoding, prefilling, waiting }) sequence.Cancel();
        var removed = 0;
        harness.Scheduler.RemoveCancelled(_ => removed++);
        harness.Scheduler.CheckIntegrity();
        Assert.Equal(3, removed);
        Assert.True(harness.Scheduler.IsIdle);
        Assert.Equal(3, harness.Scheduler.Ended);
        Assert.All(new[] { decoding, prefilling, waiting }, s => Assert.DoesNotContain(s.Events(), e => e is GenerationEvent.Finished or GenerationEvent.Failed));
        Assert.True(waiting.Output.Events.Completion.IsCompleted);
        decoding.Cancel(); // harmless after the end
    }

    [Fact]
    public void RemoveCancelled_EveryClassPreemptedAndDeterministic_LeavesNothing()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 3, SharedCells = 80 }, new() { ReserveTokens = 0 });
        var sequences = Enumerable.Range(0, 12).Select(i => harness.Submit($"request number {i}", 60, r => r with
        {
            Priority = (RequestPriority)(i % 3),
            ClientKey = $"client {i % 2}",
            Deterministic = i % 4 == 0,
            Timeout = TimeSpan.FromDays(1),
        })).ToArray();
        while (!sequences.Any(s => s.State == SequenceState.Preempted)) harness.Step();
        foreach (var sequence in sequences) sequence.Cancel();
        harness.Scheduler.RemoveCancelled(_ => { });
        harness.Scheduler.CheckIntegrity();
        Assert.True(harness.Scheduler.IsIdle);
        Assert.All(sequences, s => Assert.Equal((SequenceState.Finished, Sequence.None, 0), (s.State, s.Id, s.Position)));
        Assert.Equal(3, harness.Submit("after", 3).Request.MaxTokens);
        harness.RunToEnd();
    }

    [Fact]
    public void Preempt_WorstClassFirstThenTheYoungest_AndEachTimeOneClassBetter()
    {
        using var harness = new EngineHarness(Shape);
        var flex = harness.Submit("flex", 50, r => r with { Priority = RequestPriority.Flex });
        Sequence[] others = [harness.Submit("one", 50), harness.Submit("two", 50)];
        harness.Step();
        Assert.Same(flex, harness.Scheduler.Preempt());
        harness.Step(); // runs again
        Assert.Same(others[1], harness.Scheduler.Preempt()); // of two that count alike the younger
        Assert.Equal(SequenceState.Running, flex.State);
        harness.RunToEnd();
        Assert.Equal(50, flex.Events().Finish().CompletionTokens);
    }

    [Fact]
    public void Position_WhileOthersRun_CountsDown()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 1 });
        var sequences = Enumerable.Range(0, 3).Select(i => harness.Submit($"p{i}", 3)).ToArray();
        harness.Step();
        Assert.Equal([0, 1, 2], sequences.Select(s => s.Position));
        while (!sequences[1].Output.Started) harness.Step();
        Assert.Equal([0, 0, 1], sequences.Select(s => s.Position));
    }

    [Fact]
    public void CheckIntegrity_RuntimeHoldsAnotherLength_Throws()
    {
        using var harness = new EngineHarness(Shape);
        var sequence = harness.Submit("abc", 10);
        harness.Step();
        sequence.Computed--;
        Assert.Throws<InvalidOperationException>(harness.Scheduler.CheckIntegrity);
        sequence.Computed++;
        sequence.State = SequenceState.Waiting;
        Assert.Throws<InvalidOperationException>(harness.Scheduler.CheckIntegrity);
    }
}
