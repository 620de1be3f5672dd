using System.Collections.Concurrent;
using System.Numerics.Tensors;
using Gemma3Server.Engine.Embedding;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Engine.Tests.Embedding;

public sealed class EngineEmbeddingTests
{
    private readonly StepClock _clock = new(TimeSpan.Zero);

    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    [Fact]
    public async Task EmbedAsync_TextsOfSeveralChunks_AreTheNormalizedMeansOfTheirStates()
    {
        await using var engine = await ReadyAsync();
        int[][] inputs = [Text(1, 5), Text(50, 6), Text(16, 7), Text(2048, 8)];
        var result = await engine.EmbedAsync(Request(inputs), Timeout).WaitAsync(Timeout);
        Assert.True(result.Succeeded);
        Assert.Equal(4, result.Vectors.Length);
        for (var i = 0; i < 4; i++) AssertIsMean(inputs[i], result.Vectors[i]);
    }

    [Fact]
    public async Task EmbedAsync_BesideStreams_TakesOneChunkBetweenTwoSteps()
    {
        var order = new ConcurrentQueue<char>();
        using var gate = new StepGate();
        await using var engine = await ReadyAsync(new()
        {
            OnForward = n => { order.Enqueue('s'); return gate.Pass(n); },
            OnEmbedding = _ => { order.Enqueue('e'); return ForwardStatus.Ok; },
        });
        var stream = engine.Generate(Requests.Greedy("ab", 30), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var embedding = engine.EmbedAsync(Request(Text(160, 1)), Timeout);
        gate.Open();
        var events = await stream.ReadAll();
        await embedding.WaitAsync(Timeout);

        // Ten chunks of 16 while thirty tokens are generated: never two in a row.
        var beside = string.Concat(order);
        Assert.Equal(10, beside.Count(c => c == 'e'));
        Assert.DoesNotContain("ee", beside, StringComparison.Ordinal);
        Assert.Equal(30, events.Finish().CompletionTokens);
    }

    [Fact]
    public async Task EmbedAsync_ShortRequestBehindALongOne_WaitsForOneInputOnly()
    {
        using var gate = new StepGate();
        await using var engine = await ReadyAsync(new() { OnEmbedding = gate.Pass });
        var all = engine.EmbedAsync(Request([.. Enumerable.Range(0, 500).Select(i => Text(20, i))]), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var one = engine.EmbedAsync(Request(Text(3, 1)), Timeout);
        gate.Open();
        Assert.Same(one, await Task.WhenAny(one, all).WaitAsync(Timeout));
        Assert.Equal(500, (await all).Vectors!.Length);
    }

    [Fact]
    public async Task EmbedAsync_Cancelled_EndsAtOnceAndLeavesTheOthersAlone()
    {
        using var gate = new StepGate();
        await using var engine = await ReadyAsync(new() { OnEmbedding = gate.Pass });
        using var client = new CancellationTokenSource();
        var leaving = engine.EmbedAsync(Request(Text(100, 1)), client.Token);
        await gate.Reached.WaitAsync(Timeout);
        var staying = engine.EmbedAsync(Request(Text(40, 2)), Timeout);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving.WaitAsync(Timeout));
        gate.Open();
        AssertIsMean(Text(40, 2), (await staying.WaitAsync(Timeout)).Vectors![0]);
    }

    [Theory]
    [InlineData(ForwardStatus.NoSpace, GenerationError.OutOfMemory, "The server has no memory to embed a text of 40 tokens.")]
    [InlineData(ForwardStatus.OutOfMemory, GenerationError.OutOfMemory, "The server has no memory to embed a text of 40 tokens.")]
    [InlineData(ForwardStatus.Failed, GenerationError.RuntimeFailed, "The model could not embed this text (Failed).")]
    public async Task EmbedAsync_ChunkFails_FailsThatRequestOnly(ForwardStatus status, GenerationError error, string message)
    {
        await using var engine = await ReadyAsync(new() { OnEmbedding = n => n == 1 ? status : ForwardStatus.Ok });
        var failed = await engine.EmbedAsync(Request(Text(40, 1)), Timeout).WaitAsync(Timeout);
        Assert.False(failed.Succeeded);
        Assert.Equal(new(error, message), failed.Failure);
        AssertIsMean(Text(40, 1), (await engine.EmbedAsync(Request(Text(40, 1)), Timeout).WaitAsync(Timeout)).Vectors![0]);
    }

    [Fact]
    public async Task EmbedAsync_TooManyAtOnce_IsRefused()
    {
        using var gate = new StepGate();
        await using var engine = await ReadyAsync(new() { OnEmbedding = gate.Pass, MaxSequences = 2 }, new() { QueueLimit = 1 });
        var admitted = Enumerable.Range(0, 3).Select(i => engine.EmbedAsync(Request(Text(4, i)), Timeout)).ToArray();
        var refused = await engine.EmbedAsync(Request(Text(4, 9)), Timeout).WaitAsync(Timeout);
        Assert.Equal(new(GenerationError.QueueFull, "The server is busy: 3 embedding requests are waiting."), refused.Failure);
        Assert.True(refused.RetryAfter > TimeSpan.Zero);
        gate.Open();
        Assert.All(await Task.WhenAll(admitted).WaitAsync(Timeout), result => Assert.True(result.Succeeded));
    }

    [Fact]
    public async Task EmbedAsync_TimeIsUp_Fails()
    {
        using var gate = new StepGate();
        await using var engine = await ReadyAsync(new() { OnEmbedding = gate.Pass });
        var late = engine.EmbedAsync(Request(Text(100, 1)) with { Timeout = TimeSpan.FromSeconds(3) }, Timeout);
        await gate.Reached.WaitAsync(Timeout);
        _clock.Advance(TimeSpan.FromSeconds(4));
        gate.Open();
        Assert.Equal(GenerationError.DeadlineExceeded, (await late.WaitAsync(Timeout)).Failure!.Error);
    }

    [Fact]
    public async Task StopAsync_WithTime_FinishesWhatWasAdmittedAndRefusesTheRest()
    {
        using var gate = new StepGate();
        await using var engine = await ReadyAsync(new() { OnEmbedding = gate.Pass });
        var admitted = engine.EmbedAsync(Request(Text(100, 1)), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        var stop = engine.StopAsync(System.Threading.Timeout.InfiniteTimeSpan);
        Assert.Equal(GenerationError.Draining, (await engine.EmbedAsync(Request(Text(4, 1)), Timeout)).Failure!.Error);
        gate.Open();
        await stop.WaitAsync(Timeout);
        Assert.True((await admitted).Succeeded);
    }

    [Fact]
    public async Task StopAsync_WithoutTime_InterruptsAndFailsWhatIsLeft()
    {
        using var gate = new StepGate();
        await using var engine = await ReadyAsync(new() { OnEmbedding = gate.Pass, OnInterrupt = gate.Open });
        var running = engine.EmbedAsync(Request(Text(100, 1)), Timeout);
        var waiting = engine.EmbedAsync(Request(Text(100, 2)), Timeout);
        await gate.Reached.WaitAsync(Timeout);
        await engine.StopAsync(TimeSpan.Zero).WaitAsync(Timeout);
        Assert.Equal(GenerationError.Draining, (await running).Failure!.Error);
        Assert.Equal(GenerationError.Draining, (await waiting).Failure!.Error);
    }

    [Fact]
    public async Task EmbedAsync_BeforeTheModelIsLoaded_IsRefused()
    {
        using var gate = new StepGate();
        await using var engine = new InferenceEngine(
            () => { gate.Pass(0); return new FakeModelRuntime(); }, new(), _clock, NullLogger<InferenceEngine>.Instance);
        Assert.False(engine.CanEmbed);
        Assert.Equal(GenerationError.Loading, (await engine.EmbedAsync(Request(Text(4, 1)), Timeout)).Failure!.Error);
        gate.Open();
        await engine.Ready.WaitAsync(Timeout);
        Assert.True(engine.CanEmbed);
    }

    [Fact]
    public async Task EmbedAsync_ManyClientsSomeLeaving_GivesEachItsOwnVectors()
    {
        var random = new Random(20261126);
        await using var engine = await ReadyAsync();
        var clients = Enumerable.Range(0, 120).Select(i => RunAsync(engine, random.Next(), leaves: random.Next(4) == 0, generates: random.Next(3) == 0)).ToArray();
        await Task.WhenAll(clients).WaitAsync(Timeout);
        await engine.CheckIntegrityAsync().WaitAsync(Timeout);
        Assert.Equal((0, 0), (engine.Statistics.Running, engine.Statistics.Waiting));
    }

    private static async Task RunAsync(InferenceEngine engine, int seed, bool leaves, bool generates)
    {
        await Task.Yield();
        var random = new Random(seed);
        if (generates) await engine.Generate(Requests.Greedy($"{seed}", random.Next(1, 20)), Timeout).ReadAll();
        int[][] inputs = [.. Enumerable.Range(0, random.Next(1, 4)).Select(i => Text(random.Next(1, 70), seed + i))];
        using var client = new CancellationTokenSource();
        var embedding = engine.EmbedAsync(Request(inputs), client.Token);
        if (leaves) await client.CancelAsync();
        try
        {
            var result = await embedding;
            for (var i = 0; i < inputs.Length; i++) AssertIsMean(inputs[i], result.Vectors![i]);
        }
        catch (OperationCanceledException)
        {
            Assert.True(leaves);
        }
    }

    private static void AssertIsMean(int[] text, float[] vector)
    {
        var mean = new double[FakeEmbeddings.Length];
        for (var length = 1; length <= text.Length; length++)
        {
            var state = FakeEmbeddings.State(text.AsSpan(0, length));
            for (var i = 0; i < mean.Length; i++) mean[i] += state[i] / (double)text.Length;
        }

        var norm = Math.Sqrt(mean.Sum(value => value * value));
        Assert.Equal(mean.Select(value => value / norm), vector.Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-6);
        Assert.Equal(1, TensorPrimitives.Norm<float>(vector), 1e-5);
    }

    private static int[] Text(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => 238 + (int)((uint)((i + 1) * (seed + 17) * 2654435761) % 256))];

    private static EmbeddingRequest Request(params int[][] inputs) => new() { Id = "embd", Inputs = inputs };

    private async Task<InferenceEngine> ReadyAsync(FakeRuntimeOptions? runtime = null, EngineOptions? options = null)
    {
        var engine = new InferenceEngine(() => new FakeModelRuntime(runtime), options ?? new(), _clock, NullLogger<InferenceEngine>.Instance);
        await engine.Ready.WaitAsync(Timeout);
        return engine;
    }
}
