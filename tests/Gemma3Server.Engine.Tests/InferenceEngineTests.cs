using System.Diagnostics.Metrics;
using Gemma3Server.Engine.Diagnostics;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Engine.Tests;

/// <summary>The engine with its thread, as the server uses it.</summary>
public sealed class InferenceEngineTests
{
    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Generate_ManyAtOnce_EachGetsItsOwnTokens()
    {
        var shape = new FakeRuntimeOptions { MaxSequences = 5, SlidingWindow = 16, MicroBatchTokens = 32 };
        await using var engine = Create(() => new FakeModelRuntime(shape));
        await engine.Ready.WaitAsync(Timeout);
        var requests = Enumerable.Range(0, 40).Select(i => Requests.Greedy($"prompt {i % 13} {new string('x', i)}", 5 + i)).ToArray();
        var results = await Task.WhenAll(requests.Select(r => Task.Run(() => engine.Generate(r, Timeout).ReadAll())));
        for (var i = 0; i < requests.Length; i++)
        {
            Assert.Equal(EngineHarness.RunAlone(requests[i], shape).Events.Text(), results[i].Text());
            Assert.Equal(5 + i, results[i].Finish().CompletionTokens);
        }

        Assert.Equal((0, 0), (engine.Statistics.Running, engine.Statistics.Waiting));
    }

    [Fact]
    public async Task CheckIntegrityAsync_UnderLoadAndIdle_Passes()
    {
        await using var engine = Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        var load = Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() => engine.Generate(Requests.Greedy($"prompt {i}", 40), Timeout).ReadAll())));
        for (var i = 0; i < 20; i++) await engine.CheckIntegrityAsync().WaitAsync(Timeout);
        await load;
        await engine.CheckIntegrityAsync().WaitAsync(Timeout);
    }

    [Fact]
    public async Task CheckIntegrityAsync_EngineEnded_IsCancelled()
    {
        var engine = Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        await engine.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.CheckIntegrityAsync().WaitAsync(Timeout));
    }

    [Fact]
    public async Task Ready_ModelLoaded_FactsAreThere()
    {
        await using var engine = Create(() => new FakeModelRuntime());
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
        await using var engine = Create(() => Wait(load));
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
        await using var engine = Create(() => throw reason);
        Assert.Same(reason, await Assert.ThrowsAsync<ModelLoadException>(() => engine.Ready));
        Assert.Equal(EngineState.Failed, engine.State);
        Assert.Same(reason, engine.Failure);
        Assert.Equal(GenerationError.RuntimeFailed, engine.Generate(Requests.Greedy("p", 1), Timeout).Refusal!.Error);
        await engine.StopAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(EngineState.Failed, engine.State);
    }

    [Fact]
    public async Task Generate_QueueFull_RefusedWithATimeToComeBack()
    {
        using var gate = new StepGate();
        await using var engine = Create(() => new FakeModelRuntime(new() { MaxSequences = 2, OnForward = gate.Pass }), new() { QueueLimit = 3 });
        await engine.Ready.WaitAsync(Timeout);
        var admitted = Enumerable.Range(0, 5).Select(_ => engine.Generate(Requests.Greedy("p", 3), Timeout)).ToArray();
        Assert.All(admitted, a => Assert.True(a.Admitted));
        var refused = engine.Generate(Requests.Greedy("p", 3), Timeout);
        Assert.Equal(GenerationError.QueueFull, refused.Refusal!.Error);
        Assert.True(refused.RetryAfter >= TimeSpan.FromSeconds(1));
        gate.Open();
        foreach (var admission in admitted) (await admission.ReadAll()).Finish();
        (await engine.Generate(Requests.Greedy("p", 3), Timeout).ReadAll()).Finish();
    }

    [Fact]
    public async Task GenerateAll_NotRoomForAll_NoneIsAdmitted()
    {
        using var gate = new StepGate();
        await using var engine = Create(() => new FakeModelRuntime(new() { MaxSequences = 2, OnForward = gate.Pass }), new() { QueueLimit = 3 });
        await engine.Ready.WaitAsync(Timeout);
        Assert.Equal(5, engine.MostTogether);
        var first = engine.GenerateAll([Requests.Greedy("p", 3), Requests.Greedy("q", 3)], Timeout);
        Assert.All(first, a => Assert.True(a.Admitted));
        var refused = engine.GenerateAll([.. Enumerable.Repeat(Requests.Greedy("r", 3), 4)], Timeout);
        Assert.Equal(4, refused.Count);
        Assert.All(refused, a => Assert.Equal(GenerationError.QueueFull, a.Refusal!.Error));
        var rest = engine.GenerateAll([.. Enumerable.Repeat(Requests.Greedy("s", 3), 3)], Timeout);
        gate.Open();
        foreach (var admission in first.Concat(rest)) (await admission.ReadAll()).Finish();
        Assert.Equal((0, 0), (engine.Statistics.Running, engine.Statistics.Waiting));
    }

    [Fact]
    public async Task GenerateAll_OnePromptManySeeds_ComputedOnce()
    {
        var prompt = string.Concat(Enumerable.Range(0, 100).Select(i => (char)('a' + (i % 26))));
        await using var engine = Create(() => new FakeModelRuntime(new() { SlidingWindow = 32 }));
        await engine.Ready.WaitAsync(Timeout);
        var requests = Enumerable.Range(0, 4).Select(i => Requests.Greedy(prompt, 20) with { Sampling = new() { Seed = (ulong)i } }).ToArray();
        var results = await Task.WhenAll(engine.GenerateAll(requests, Timeout).Select(a => a.ReadAll()));
        Assert.Equal([0, 100, 100, 100], results.Select(r => r.Start().CachedTokens));
        for (var i = 0; i < 4; i++) Assert.Equal(EngineHarness.RunAlone(requests[i], new() { SlidingWindow = 32 }).Events.Text(), results[i].Text());
    }

    [Fact]
    public async Task Generate_QueueFullWhileALongRequestRuns_RetryAfterFollowsItsLimit()
    {
        var clock = new StepClock(TimeSpan.FromSeconds(2));
        using var gate = new StepGate(free: 4);
        await using var engine = Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), new() { QueueLimit = 0 }, clock);
        await engine.Ready.WaitAsync(Timeout);
        using var gone = new CancellationTokenSource();
        _ = engine.Generate(Requests.Greedy("p", 1000), gone.Token);
        await gate.Reached.WaitAsync(Timeout);
        Assert.Equal(TimeSpan.FromSeconds(60), engine.Generate(Requests.Greedy("p", 1), Timeout).RetryAfter);
        await gone.CancelAsync();
        gate.Open();
    }

    [Fact]
    public async Task Generate_QueueFullAfterSomeHaveEnded_RetryAfterFollowsTheRateOfEnds()
    {
        // A step reads the clock a handful of times, so a request of four tokens takes between four and forty seconds.
        var clock = new StepClock(TimeSpan.FromSeconds(0.5));
        using var gate = new StepGate(free: 8);
        await using var engine = Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), new() { QueueLimit = 1 }, clock);
        await engine.Ready.WaitAsync(Timeout);
        for (var i = 0; i < 2; i++) (await engine.Generate(Requests.Greedy("p", 4), Timeout).ReadAll()).Finish();
        _ = engine.Generate(Requests.Greedy("p", 2000), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var waiting = engine.Generate(Requests.Greedy("p", 4), Timeout);
        Assert.Equal(1, waiting.QueuePosition);
        var retryAfter = engine.Generate(Requests.Greedy("p", 4), Timeout).RetryAfter;
        Assert.InRange(retryAfter.TotalSeconds, 2 * 4, 59); // two ends away; by the limit of the running request it would be 60
        gate.Open();
    }

    [Fact]
    public async Task Generate_Waits_TellsItsPlaceUntilItRuns()
    {
        using var gate = new StepGate(free: 1);
        await using var engine = Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }));
        await engine.Ready.WaitAsync(Timeout);
        var running = engine.Generate(Requests.Greedy("p", 5), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var flex = engine.Generate(Requests.Greedy("p", 5) with { Priority = RequestPriority.Flex }, Timeout);
        var urgent = engine.Generate(Requests.Greedy("p", 5) with { Priority = RequestPriority.Priority }, Timeout);
        Assert.Equal((0, 1, 2), (running.QueuePosition, flex.QueuePosition, urgent.QueuePosition)); // as they came: the loop is busy
        gate.Open();
        var text = await urgent.ReadAll();
        Assert.Equal(0, urgent.QueuePosition);
        (await flex.ReadAll()).Finish();
        (await running.ReadAll()).Finish();
        text.Finish();
        Assert.Equal(0, flex.QueuePosition);
    }

    [Fact]
    public async Task Generate_TimeIsUpWhileItWaits_FailsWithThat()
    {
        using var gate = new StepGate(free: 1);
        var clock = new StepClock(TimeSpan.FromSeconds(1));
        await using var engine = Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), clock: clock);
        await engine.Ready.WaitAsync(Timeout);
        var running = engine.Generate(Requests.Greedy("p", 200), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var late = engine.Generate(Requests.Greedy("p", 5) with { Timeout = TimeSpan.FromSeconds(20) }, Timeout);
        gate.Open();
        Assert.Equal(GenerationError.DeadlineExceeded, (await late.ReadAll()).Failure().Error);
        Assert.Equal(200, (await running.ReadAll()).Finish().CompletionTokens);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Generate_CancelledOrDisposedMidStream_FreesTheSequence(bool dispose)
    {
        await using var engine = Create(() => new FakeModelRuntime(new() { ContextLength = 1_000_000 }));
        await engine.Ready.WaitAsync(Timeout);
        using var gone = new CancellationTokenSource();
        var admission = engine.Generate(Requests.Greedy("p", 900_000), gone.Token);
        var reader = admission.Events!.GetAsyncEnumerator(Timeout);
        for (var i = 0; i < 5; i++) Assert.True(await reader.MoveNextAsync());
        if (dispose)
        {
            await reader.DisposeAsync();
        }
        else
        {
            await gone.CancelAsync();
            while (await reader.MoveNextAsync()) Assert.IsNotType<GenerationEvent.Finished>(reader.Current);
        }

        await UntilIdle(engine);
        Assert.Equal(1, engine.Statistics.Cancelled);
    }

    [Fact]
    public async Task Generate_DisposedBeforeReading_FreesTheSequence()
    {
        await using var engine = Create(() => new FakeModelRuntime(new() { ContextLength = 1_000_000 }));
        await engine.Ready.WaitAsync(Timeout);
        await engine.Generate(Requests.Greedy("p", 900_000), Timeout).Events!.GetAsyncEnumerator(Timeout).DisposeAsync();
        await UntilIdle(engine);
        Assert.Equal(1, engine.Statistics.Cancelled);
    }

    [Fact]
    public async Task Generate_HundredCancelled_NoSequenceStaysBusy()
    {
        await using var engine = Create(() => new FakeModelRuntime(new() { ContextLength = 1_000_000, MaxSequences = 16 }));
        await engine.Ready.WaitAsync(Timeout);
        using var gone = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 100).Select(i => engine.Generate(Requests.Greedy($"p{i}", 900_000), gone.Token).ReadAll()).ToArray();
        await gone.CancelAsync();
        foreach (var events in await Task.WhenAll(readers)) Assert.DoesNotContain(events, e => e is GenerationEvent.Failed or GenerationEvent.Finished);
        await UntilIdle(engine);
        Assert.Equal(100, engine.Statistics.Cancelled);
        (await engine.Generate(Requests.Greedy("next", 3), Timeout).ReadAll()).Finish();
    }

    [Fact]
    public async Task Generate_AlreadyCancelled_EndsWithoutAnEvent()
    {
        await using var engine = Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        Assert.Empty(await engine.Generate(Requests.Greedy("p", 100), new(canceled: true)).ReadAll());
    }

    [Fact]
    public async Task Generate_NobodyReads_OthersAreNotHeldUpAndNoEventIsLost()
    {
        await using var engine = Create(() => new FakeModelRuntime(new() { Next = _ => FakeTokenizer.FirstByte + 'a' }));
        await engine.Ready.WaitAsync(Timeout);
        var unread = engine.Generate(Requests.Greedy("slow reader", 300), Timeout);
        for (var i = 0; i < 5; i++) (await engine.Generate(Requests.Greedy($"p{i}", 50), Timeout).ReadAll()).Finish();
        await UntilIdle(engine);
        var events = await unread.ReadAll();
        Assert.Equal(300, events.OfType<GenerationEvent.Text>().Count());
        Assert.Equal(300, events.Finish().CompletionTokens);
    }

    [Fact]
    public async Task Events_ReadTwice_Throws()
    {
        await using var engine = Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        var admission = engine.Generate(Requests.Greedy("p", 2), Timeout);
        await admission.ReadAll();
        await Assert.ThrowsAsync<InvalidOperationException>(() => admission.ReadAll());
    }

    [Fact]
    public async Task Generate_ResumedRequestThatWasComplete_EndsAtOnce()
    {
        await using var engine = Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        var request = Requests.Greedy("p", 3) with { EmittedTokens = [300, 301, 302] };
        Assert.Equal(
            [new GenerationEvent.Started(2, 0) { Cache = new(0, CacheSource.None, 0, CacheMiss.NeverSeen) }, new GenerationEvent.Finished(FinishReason.Length, 3)],
            await engine.Generate(request, Timeout).ReadAll());
    }

    [Fact]
    public async Task Generate_BrokenRequest_ThrowsInsteadOfHarmingTheLoop()
    {
        await using var engine = Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 0), Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { PromptTokens = [] }, Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { Stop = ["a", ""] }, Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { Timeout = TimeSpan.Zero }, Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { Priority = (RequestPriority)3 }, Timeout));
    }

    [Fact]
    public async Task Loop_UnexpectedException_EveryRequestFailsAndTheProcessLives()
    {
        var boom = new InvalidTimeZoneException("boom");
        FakeModelRuntime? runtime = null;
        using var gate = new StepGate(free: 3);
        await using var engine = Create(() => runtime = new(new() { MaxSequences = 2, OnForward = n => n < 3 ? gate.Pass(n) : throw boom }));
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
        await using var engine = Create(() => runtime = new(new() { MaxSequences = 1, OnForward = gate.Pass }));
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
        await using var engine = Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), clock: clock);
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
        var engine = Create(() => new FakeModelRuntime());
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
        await using var engine = Create(() => runtime = Wait(load));
        var stop = engine.StopAsync(TimeSpan.FromMinutes(5));
        Assert.False(stop.IsCompleted);
        load.Set();
        await stop;
        Assert.True(runtime!.Disposed);
        Assert.Equal(EngineState.Stopped, engine.State);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.Ready);
    }

    [Fact]
    public async Task Metrics_OneGeneration_AreReported()
    {
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<string, double>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Meter.Name == EngineMetrics.MeterName) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((i, v, _, _) => seen.AddOrUpdate(i.Name, v, (_, old) => old + v));
        listener.SetMeasurementEventCallback<int>((i, v, _, _) => seen.AddOrUpdate(i.Name, v, (_, old) => old + v));
        listener.SetMeasurementEventCallback<double>((i, v, _, _) => seen.AddOrUpdate(i.Name, 1, (_, old) => old + 1));
        listener.Start();
        await using var engine = Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        await engine.Generate(Requests.Greedy("prompt", 10), Timeout).ReadAll();
        listener.RecordObservableInstruments();

        // Other tests' engines report to the same listener.
        Assert.True(seen["gemma3.tokens.completion"] >= 10);
        Assert.True(seen["gemma3.tokens.prompt"] >= 7);
        Assert.True(seen["gemma3.steps"] >= 10);
        Assert.True(seen["gemma3.time_to_first_token"] >= 1);
        Assert.True(seen["gemma3.inter_token_time"] >= 9);
        Assert.True(seen.ContainsKey("gemma3.requests.running") && seen.ContainsKey("gemma3.requests.waiting"));
    }

    [Fact]
    public async Task Log_TextOfTheModel_AtTraceOnly()
    {
        var log = new ListLogger();
        await using var engine = new InferenceEngine(
            () => new FakeModelRuntime(new() { Next = Requests.Answer(2, "secret") }), new(), TimeProvider.System, log);
        await engine.Ready.WaitAsync(Timeout);
        await engine.Generate(Requests.Greedy("p", 5), Timeout).ReadAll();
        await engine.StopAsync(TimeSpan.FromMinutes(1));
        var lines = log.Lines;
        Assert.Contains(lines, l => l.Level == LogLevel.Trace && l.Text.EndsWith(": s", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => l.Level > LogLevel.Trace && l.Text.EndsWith(": s", StringComparison.Ordinal));
    }

    private static InferenceEngine Create(Func<IModelRuntime> load, EngineOptions? options = null, TimeProvider? clock = null) =>
        new(load, options ?? new(), clock ?? TimeProvider.System, NullLogger<InferenceEngine>.Instance);

    private static FakeModelRuntime Wait(ManualResetEventSlim load)
    {
        load.Wait(Timeout);
        return new();
    }

    /// <summary>Waits until the loop has taken notice; it does so at its next step, so this ends soon or the test run's limit ends it.</summary>
    private static async Task UntilIdle(InferenceEngine engine)
    {
        // Between two steps, where the checks are made, nobody is on the way from one counter to another.
        await engine.CheckIntegrityAsync();
        while (engine.Statistics is { Running: > 0 } or { Waiting: > 0 })
        {
            Timeout.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        await engine.CheckIntegrityAsync();
    }
}
