using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>Requests that must wait, and what those are told for whom there is no room.</summary>
public sealed class EngineQueueTests
{
    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Generate_QueueFull_RefusedWithATimeToComeBack()
    {
        using var gate = new StepGate();
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { MaxSequences = 2, OnForward = gate.Pass }), new() { QueueLimit = 3 });
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
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { MaxSequences = 2, OnForward = gate.Pass }), new() { QueueLimit = 3 });
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
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { SlidingWindow = 32 }));
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
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), new() { QueueLimit = 0 }, clock);
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
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), new() { QueueLimit = 1 }, clock);
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
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }));
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
        await using var engine = Engines.Create(() => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = gate.Pass }), clock: clock);
        await engine.Ready.WaitAsync(Timeout);
        var running = engine.Generate(Requests.Greedy("p", 200), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var late = engine.Generate(Requests.Greedy("p", 5) with { Timeout = TimeSpan.FromSeconds(20) }, Timeout);
        gate.Open();
        Assert.Equal(GenerationError.DeadlineExceeded, (await late.ReadAll()).Failure().Error);
        Assert.Equal(200, (await running.ReadAll()).Finish().CompletionTokens);
    }
}
