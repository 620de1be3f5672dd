using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Scheduling;

public sealed class DeadlineTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 1, MicroBatchTokens = 16, MaxBatchTokens = 32 };
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    [Fact]
    public void EndOverdue_Queued_FailsAndLeavesTheQueue()
    {
        using var runtime = new TimedRuntime(Shape, Second, default, default);
        using var harness = new EngineHarness(runtime, clock: runtime.Clock);
        harness.Submit("running", 20);
        var queued = harness.Submit("queued", 20, r => r with { Timeout = 5 * Second });
        for (var i = 0; i < 5; i++) harness.Step();
        Assert.Equal(1, queued.Position);
        harness.Step();
        var failure = queued.Events().Failure();
        Assert.Equal(GenerationError.DeadlineExceeded, failure.Error);
        Assert.Contains("queue", failure.Message, StringComparison.Ordinal);
        Assert.Equal((SequenceState.Finished, 0), (queued.State, queued.Position));
    }

    [Fact]
    public void EndOverdue_Prefilling_FailsAndFreesItsId()
    {
        using var runtime = new TimedRuntime(Shape, Second, default, default);
        using var harness = new EngineHarness(runtime, clock: runtime.Clock);
        var sequence = harness.Submit(new string('p', 200), 20, r => r with { Timeout = 3 * Second });
        for (var i = 0; i < 4; i++) harness.Step();
        Assert.Contains("48 of 201", sequence.Events().Failure().Message, StringComparison.Ordinal);
        Assert.True(harness.Scheduler.IsIdle);
    }

    [Fact]
    public void EndOverdue_Decoding_EndsWithWhatItHas()
    {
        using var runtime = new TimedRuntime(Shape, Second, default, default);
        using var harness = new EngineHarness(runtime, clock: runtime.Clock);
        var sequence = harness.Submit("p", 1000, r => r with { Timeout = 7 * Second });
        var next = harness.Submit("next", 3);
        harness.RunToEnd();
        var events = sequence.Events();
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Deadline, 7), events.Finish());
        Assert.Equal(7, events.Text().Length);
        Assert.Equal(3, next.Events().Finish().CompletionTokens);
    }

    [Fact]
    public void EndOverdue_Preempted_EndsWithWhatItHas()
    {
        using var runtime = new TimedRuntime(Shape with { MaxSequences = 2, SharedCells = 60 }, Second, default, default);
        using var harness = new EngineHarness(runtime, new() { ReserveTokens = 0 }, runtime.Clock);
        harness.Submit("the first one", 40);
        var second = harness.Submit("the second one", 40, r => r with { Timeout = 30 * Second });
        while (second.State != SequenceState.Preempted) harness.Step();
        harness.RunToEnd();
        Assert.Equal(FinishReason.Deadline, second.Events().Finish().Reason);
    }

    [Fact]
    public void EndOverdue_ClientHasGone_EndsWithoutAWord()
    {
        using var runtime = new TimedRuntime(Shape, Second, default, default);
        using var harness = new EngineHarness(runtime, clock: runtime.Clock);
        var sequence = harness.Submit("p", 1000, r => r with { Timeout = 2 * Second });
        for (var i = 0; i < 2; i++) harness.Step();
        sequence.Cancel();
        harness.Step();
        var removed = 0;
        harness.Scheduler.RemoveCancelled(_ => removed++);
        Assert.Equal(1, removed);
        Assert.DoesNotContain(sequence.Events(), e => e is GenerationEvent.Finished or GenerationEvent.Failed);
    }
}
