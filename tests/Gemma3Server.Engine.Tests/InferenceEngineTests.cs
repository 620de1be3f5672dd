using System.Diagnostics.Metrics;
using Gemma3Server.Engine.Diagnostics;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Engine.Tests;

/// <summary>The engine with its thread, as the server uses it.</summary>
public sealed class InferenceEngineTests
{
    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Generate_ManyAtOnce_EachGetsItsOwnTokens()
    {
        var shape = new FakeRuntimeOptions { MaxSequences = 5, SlidingWindow = 16, MicroBatchTokens = 32 };
        await using var engine = Engines.Create(() => new FakeModelRuntime(shape));
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
        await using var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        var load = Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() => engine.Generate(Requests.Greedy($"prompt {i}", 40), Timeout).ReadAll())));
        for (var i = 0; i < 20; i++) await engine.CheckIntegrityAsync().WaitAsync(Timeout);
        await load;
        await engine.CheckIntegrityAsync().WaitAsync(Timeout);
    }

    [Fact]
    public async Task CheckIntegrityAsync_EngineEnded_IsCancelled()
    {
        var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        await engine.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.CheckIntegrityAsync().WaitAsync(Timeout));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Generate_CancelledOrDisposedMidStream_FreesTheSequence(bool dispose)
    {
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { ContextLength = 1_000_000 }));
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
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { ContextLength = 1_000_000 }));
        await engine.Ready.WaitAsync(Timeout);
        await engine.Generate(Requests.Greedy("p", 900_000), Timeout).Events!.GetAsyncEnumerator(Timeout).DisposeAsync();
        await UntilIdle(engine);
        Assert.Equal(1, engine.Statistics.Cancelled);
    }

    [Fact]
    public async Task Generate_HundredCancelled_NoSequenceStaysBusy()
    {
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { ContextLength = 1_000_000, MaxSequences = 16 }));
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
        await using var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        Assert.Empty(await engine.Generate(Requests.Greedy("p", 100), new(canceled: true)).ReadAll());
    }

    [Fact]
    public async Task Generate_NobodyReads_OthersAreNotHeldUpAndNoEventIsLost()
    {
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { Next = _ => FakeTokenizer.FirstByte + 'a' }));
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
        await using var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        var admission = engine.Generate(Requests.Greedy("p", 2), Timeout);
        await admission.ReadAll();
        await Assert.ThrowsAsync<InvalidOperationException>(() => admission.ReadAll());
    }

    [Fact]
    public async Task Generate_ResumedRequestThatWasComplete_EndsAtOnce()
    {
        await using var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        var request = Requests.Greedy("p", 3) with { EmittedTokens = [300, 301, 302] };
        Assert.Equal(
            [new GenerationEvent.Started(2, 0) { Cache = new(0, CacheSource.None, 0, CacheMiss.NeverSeen) }, new GenerationEvent.Finished(FinishReason.Length, 3)],
            await engine.Generate(request, Timeout).ReadAll());
    }

    [Fact]
    public async Task Generate_BrokenRequest_ThrowsInsteadOfHarmingTheLoop()
    {
        await using var engine = Engines.Create(() => new FakeModelRuntime());
        await engine.Ready.WaitAsync(Timeout);
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 0), Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { PromptTokens = [] }, Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { Stop = ["a", ""] }, Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { Timeout = TimeSpan.Zero }, Timeout));
        Assert.ThrowsAny<ArgumentException>(() => engine.Generate(Requests.Greedy("p", 1) with { Priority = (RequestPriority)3 }, Timeout));
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
        await using var engine = Engines.Create(() => new FakeModelRuntime());
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
