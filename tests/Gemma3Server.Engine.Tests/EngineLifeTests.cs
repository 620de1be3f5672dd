using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>An engine from its load to its quiet end.</summary>
public sealed class EngineLifeTests
{
    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ready_ModelLoaded_FactsAreThere()
    {
        await using var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        Assert.Equal(EngineState.Ready, engine.State);
        Assert.Equal("fake", engine.Model!.Name);
        Assert.Equal(4, engine.Limits!.MaxSequences);
        Assert.Equal(512, engine.Tokenizer!.VocabularySize);
        Assert.Null(engine.Failure);
    }

    [Fact]
    public async Task Generate_WhileLoading_RefusedAndThenServed()
    {
        using var load = new ManualResetEventSlim();
        await using var engine = Engines.Create(() => Wait(load));
        Assert.Equal(EngineState.Loading, engine.State);
        Assert.Null(engine.Model);
        var refused = engine.Generate(Requests.Greedy("p", 1), Timeout);
        Assert.False(refused.Admitted);
        Assert.Equal(GenerationError.Loading, refused.Refusal!.Error);
        Assert.True(refused.RetryAfter >= TimeSpan.FromSeconds(1));
        load.Set();
        await engine.Ready.WaitAsync(Timeout);
        (await engine.Generate(Requests.Greedy("p", 1), Timeout).ReadAll()).Finish();
    }

    [Fact]
    public async Task Ready_LoadFails_FaultsAndSaysWhy()
    {
        var reason = new ModelLoadException("no such file");
        await using var engine = Engines.Create(() => throw reason);
        Assert.Same(reason, await Assert.ThrowsAsync<ModelLoadException>(() => engine.Ready));
        Assert.Equal(EngineState.Failed, engine.State);
        Assert.Same(reason, engine.Failure);
        Assert.Equal(GenerationError.RuntimeFailed, engine.Generate(Requests.Greedy("p", 1), Timeout).Refusal!.Error);
        await engine.StopAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(EngineState.Failed, engine.State);
    }

    [Fact]
    public async Task Loop_UnexpectedException_EveryRequestFailsAndTheProcessLives()
    {
        var boom = new InvalidTimeZoneException("boom");
        FakeModelRuntime? runtime = null;
        using var gate = new StepGate(free: 3);
        await using var engine = Engines.Create(() => runtime = new(new() { MaxSequences = 2, OnForward = n => n < 3 ? gate.Pass(n) : throw boom }));
        await engine.Ready.WaitAsync(Timeout);
        var readers = Enumerable.Range(0, 6).Select(i => engine.Generate(Requests.Greedy($"p{i}", 50), Timeout)).ToArray();
        foreach (var reader in readers.Where(r => r.Admitted))
        {
            Assert.Equal(GenerationError.RuntimeFailed, (await reader.ReadAll()).Failure().Error);
        }

        await engine.StopAsync(TimeSpan.Zero);
        Assert.Equal(EngineState.Failed, engine.State);
        Assert.Same(boom, engine.Failure);
        Assert.True(runtime!.Disposed);
        Assert.True(engine.Ready.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task StopAsync_RunningRequests_FinishAndNewOnesAreRefused()
    {
        FakeModelRuntime? runtime = null;
        using var gate = new StepGate(free: 2);
        await using var engine = Engines.Create(() => runtime = new(new() { MaxSequences = 1, OnForward = gate.Pass }));
        await engine.Ready.WaitAsync(Timeout);
        var running = engine.Generate(Requests.Greedy("running", 20), Timeout);
        var waiting = engine.Generate(Requests.Greedy("waiting", 20), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var stop = engine.StopAsync(TimeSpan.FromMinutes(5));
        Assert.Equal(EngineState.Draining, engine.State);
        Assert.Equal(GenerationError.Draining, engine.Generate(Requests.Greedy("new", 1), Timeout).Refusal!.Error);
        gate.Open();
        await stop;
        Assert.Equal(20, (await running.ReadAll()).Finish().CompletionTokens);
        Assert.Equal(20, (await waiting.ReadAll()).Finish().CompletionTokens);
        Assert.Equal(EngineState.Stopped, engine.State);
        Assert.True(runtime!.Disposed);
        Assert.Equal(GenerationError.Draining, engine.Generate(Requests.Greedy("new", 1), Timeout).Refusal!.Error);
    }

    [Fact]
    public async Task StopAsync_TimeoutPasses_TheRestFailsWithDraining()
    {
        using var gate = new StepGate(free: 2);
        var clock = new StepClock(TimeSpan.Zero);
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), clock: clock);
        await engine.Ready.WaitAsync(Timeout);
        var running = engine.Generate(Requests.Greedy("running", 1000), Timeout);
        var waiting = engine.Generate(Requests.Greedy("waiting", 1000), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var stop = engine.StopAsync(TimeSpan.FromMinutes(5));
        clock.FireTimers();
        while (!engine.Aborting) await Task.Yield();
        gate.Open();
        await stop;
        Assert.Equal(GenerationError.Draining, (await running.ReadAll()).Failure().Error);
        Assert.Equal(GenerationError.Draining, (await waiting.ReadAll()).Failure().Error);
        Assert.Equal(EngineState.Stopped, engine.State);
    }

    [Fact]
    public async Task StopAsync_Idle_EndsAtOnceAndMayBeRepeated()
    {
        var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        await engine.StopAsync(System.Threading.Timeout.InfiniteTimeSpan);
        await engine.StopAsync(TimeSpan.FromHours(1));
        await engine.DisposeAsync();
        await engine.DisposeAsync();
        Assert.Equal(EngineState.Stopped, engine.State);
    }

    [Fact]
    public async Task StopAsync_WhileLoading_DisposesTheRuntimeAndCancelsReady()
    {
        using var load = new ManualResetEventSlim();
        FakeModelRuntime? runtime = null;
        await using var engine = Engines.Create(() => runtime = Wait(load));
        var stop = engine.StopAsync(TimeSpan.FromMinutes(5));
        Assert.False(stop.IsCompleted);
        load.Set();
        await stop;
        Assert.True(runtime!.Disposed);
        Assert.Equal(EngineState.Stopped, engine.State);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.Ready);
    }

    private static FakeModelRuntime Wait(ManualResetEventSlim load)
    {
        load.Wait(Timeout);
        return new();
    }
}
