using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>Ends that are not quiet: native code that is busy, has failed, or never began.</summary>
public sealed class EngineShutdownTests
{
    private readonly StepClock _clock = new(TimeSpan.Zero);
    private readonly ListLogger _log = new();

    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Load_EngineRefusesTheRuntime_DisposesIt()
    {
        // No batch can hold even one row: what stands above the runtime cannot be built.
        var runtime = new FakeModelRuntime(new() { MaxBatchTokens = 0 });
        await using var engine = Create(_ => runtime);
        await Assert.ThrowsAnyAsync<ArgumentException>(() => engine.Ready.WaitAsync(Timeout));
        await engine.Completion.WaitAsync(Timeout);
        Assert.Equal(EngineState.Failed, engine.State);
        Assert.True(runtime.Disposed);
    }

    [Fact]
    public async Task StopAsync_StepThatTakesForEver_IsInterruptedAfterTheTimeoutAndNotRepeated()
    {
        using var gate = new StepGate();
        var runtime = new FakeModelRuntime(new() { OnForward = n => gate.Pass(n) is var _ ? ForwardStatus.Aborted : default, OnInterrupt = gate.Open });
        await using var engine = Create(_ => runtime);
        await engine.Ready.WaitAsync(Timeout);
        var running = engine.Generate(Requests.Greedy("running", 1000), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var stop = engine.StopAsync(TimeSpan.FromMinutes(5));
        Assert.False(stop.IsCompleted);
        _clock.FireTimers();
        await stop.WaitAsync(Timeout);
        Assert.Equal(GenerationError.Draining, (await running.ReadAll()).Failure().Error);
        Assert.Equal(EngineState.Stopped, engine.State);
        Assert.Equal(1, runtime.Forwards);
        Assert.True(runtime.Disposed);
        Assert.DoesNotContain(_log.Lines, l => l.Level >= Microsoft.Extensions.Logging.LogLevel.Warning);
    }

    [Fact]
    public async Task StopAsync_WhileLoading_InterruptsTheLoad()
    {
        await using var engine = Create(Interruptible);
        Assert.Equal(EngineState.Loading, engine.State);
        await engine.StopAsync(System.Threading.Timeout.InfiniteTimeSpan).WaitAsync(Timeout);
        Assert.Equal(EngineState.Stopped, engine.State);
        Assert.Null(engine.Failure);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.Ready);
        await engine.StopAsync(TimeSpan.Zero).WaitAsync(Timeout);

        static IModelRuntime Interruptible(CancellationToken stop)
        {
            WaitHandle.WaitAny([stop.WaitHandle, Timeout.WaitHandle]);
            throw new ModelLoadException("The load was interrupted.");
        }
    }

    [Fact]
    public async Task AbandonAsync_LoopIsAlive_EndsItselfAndLeavesTheRuntimeAlone()
    {
        var runtime = new FakeModelRuntime(new() { ContextLength = 1_000_000 });
        await using var engine = Create(_ => runtime);
        await engine.Ready.WaitAsync(Timeout);
        var running = Enumerable.Range(0, 6).Select(i => engine.Generate(Requests.Greedy($"p{i}", 900_000), Timeout)).ToArray();
        var fault = new InvalidTimeZoneException("assert");

        // The clock stands still: only the loop itself can end this.
        await engine.AbandonAsync(fault).WaitAsync(Timeout);
        foreach (var admission in running) Assert.Equal(GenerationError.RuntimeFailed, (await admission.ReadAll()).Failure().Error);
        Assert.True(engine.Completion.IsCompletedSuccessfully);
        Assert.Same(fault, engine.Failure);
        Assert.Equal(EngineState.Failed, engine.State);
        Assert.False(runtime.Disposed);
        Assert.Contains(_log.Lines, l => l.Text == "The engine has stopped");
    }

    [Fact]
    public async Task AbandonAsync_LoopIsLost_RequestsFailAfterASecondAndALateReturnDoesNoHarm()
    {
        using var gate = new StepGate(free: 2);
        var runtime = new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass });
        await using var engine = Create(_ => runtime);
        await engine.Ready.WaitAsync(Timeout);
        var running = engine.Generate(Requests.Greedy("running", 1000), Timeout);
        var waiting = engine.Generate(Requests.Greedy("waiting", 1000), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var abandon = engine.AbandonAsync(new InvalidTimeZoneException("assert"));
        Assert.False(abandon.IsCompleted);
        Assert.Equal(0, runtime.Interrupts);
        _clock.FireTimers();
        await abandon.WaitAsync(Timeout);
        Assert.Equal(GenerationError.RuntimeFailed, (await running.ReadAll()).Failure().Error);
        Assert.Equal(GenerationError.RuntimeFailed, (await waiting.ReadAll()).Failure().Error);
        Assert.Equal(EngineState.Failed, engine.State);

        var loop = engine.LoopThread;
        gate.Open();
        loop.Join();
        Assert.Equal((0, 0), (engine.Statistics.Running, engine.Statistics.Waiting));
        Assert.Equal(2, engine.Statistics.CompletionTokens);
        Assert.False(runtime.Disposed);
        Assert.DoesNotContain(_log.Lines, l => l.Text == "The engine has stopped");
    }

    /// <summary>Snapshots of sequences that were swapped out, and of prefixes: their memory is the runtime's own.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AbandonAsync_SomebodyIsSwappedOut_NoSnapshotIsTouched(bool loopIsLost)
    {
        using var gate = new StepGate();
        FakeModelRuntime? runtime = null;
        runtime = new(Crowded with { OnForward = n => runtime!.LiveSnapshots > 0 ? gate.Pass(n) : ForwardStatus.Ok });
        await using var engine = Create(_ => runtime);
        await engine.Ready.WaitAsync(Timeout);
        var running = Crowd(engine);
        await gate.Reached.WaitAsync(Timeout);
        var held = runtime.LiveSnapshots;
        var abandon = engine.AbandonAsync(new InvalidTimeZoneException("assert"));
        if (loopIsLost) _clock.FireTimers();
        else gate.Open();
        await abandon.WaitAsync(Timeout);
        foreach (var admission in running) Assert.Equal(GenerationError.RuntimeFailed, (await admission.ReadAll()).Failure().Error);

        gate.Open();
        engine.LoopThread.Join();
        Assert.Equal(held, runtime.LiveSnapshots);
        Assert.False(runtime.Disposed);
        Assert.DoesNotContain(_log.Lines, l => l.Level >= Microsoft.Extensions.Logging.LogLevel.Error);
    }

    [Fact]
    public async Task StopAsync_SomebodyIsSwappedOut_AllSnapshotsAreGivenBack()
    {
        using var gate = new StepGate();
        FakeModelRuntime? runtime = null;
        runtime = new(Crowded with { OnForward = n => runtime!.LiveSnapshots > 0 ? gate.Pass(n) : ForwardStatus.Ok, OnInterrupt = gate.Open });
        await using var engine = Create(_ => runtime);
        await engine.Ready.WaitAsync(Timeout);
        var running = Crowd(engine);
        await gate.Reached.WaitAsync(Timeout);
        await engine.StopAsync(TimeSpan.Zero).WaitAsync(Timeout);
        foreach (var admission in running) Assert.Equal(GenerationError.Draining, (await admission.ReadAll()).Failure().Error);
        Assert.Equal((0, true), (runtime.LiveSnapshots, runtime.Disposed));
    }

    /// <summary>Cells that one of two sequences has to give up.</summary>
    private static FakeRuntimeOptions Crowded => new() { MaxSequences = 2, MicroBatchTokens = 16, MaxBatchTokens = 64, SharedCells = 200 };

    /// <summary>Both at once: neither must be done before the other comes.</summary>
    private static IReadOnlyList<GenerationAdmission> Crowd(InferenceEngine engine) =>
        engine.GenerateAll([Requests.Greedy("one", 180), Requests.Greedy("two", 180)], Timeout);

    private InferenceEngine Create(Func<CancellationToken, IModelRuntime> load) => new(load, new() { ReserveTokens = 0 }, _clock, _log);
}
