using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Caching;

/// <summary>One machine's memory for the snapshots of several models.</summary>
public sealed class HostSharesTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 3, MicroBatchTokens = 16, MaxBatchTokens = 64, SharedCells = 200 };

    private readonly HostShares _shares = new();

    [Fact]
    public void Join_AndLeave_CountsAndTellsEverybody()
    {
        var told = 0;
        Action first = () => told++, second = () => told += 10;
        Assert.Equal(1, _shares.Count);
        _shares.Join(first);
        _shares.Join(second);
        Assert.Equal((2, 12), (_shares.Count, told));
        _shares.Leave(second);
        _shares.Leave(second);
        Assert.Equal((1, 13), (_shares.Count, told));
    }

    [Fact]
    public void KeepShare_AnotherModelHasCome_GivesPrefixesBack()
    {
        using var harness = new EngineHarness(Shape with { SharedCells = 0 }, Options(hostBytes: 2000), new StepClock(TimeSpan.Zero));
        for (var i = 0; i < 3; i++) harness.Submit(new string((char)('a' + i), 100), 2);
        harness.RunToEnd();
        while (harness.Cache.TryEvict())
        {
        }

        Assert.InRange(harness.Cache.HostBytes, 1001, 2000);
        Come(models: 2);
        harness.Cache.KeepShare();
        Assert.InRange(harness.Cache.HostBytes, 800, 1000); // two of the three
        Assert.Equal(2, harness.Runtime.LiveSnapshots);
        harness.Scheduler.CheckIntegrity();
    }

    [Fact]
    public void KeepShare_PartIsLessThanWhatIsSwappedOut_IsComputedAgain()
    {
        using var harness = new EngineHarness(Shape, Options(hostBytes: 300), new StepClock(TimeSpan.Zero));
        harness.Submit("the older one", 60);
        var sequence = harness.Submit("the younger one", 60);
        for (var i = 0; i < 20; i++) harness.Step();
        Assert.Same(sequence, harness.Scheduler.Preempt());
        Assert.InRange(harness.Cache.SwappedBytes, 101, 300);
        Come(models: 3);
        harness.Cache.KeepShare();
        Assert.Equal((null, 0), (sequence.Swapped, harness.Cache.SwappedBytes));
        harness.RunToEnd();
        Assert.Equal(EngineHarness.RunAlone(sequence.Request, Shape).Tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
    }

    [Fact]
    public void KeepShare_RuntimeKeepsMemory_IsToldItsBound()
    {
        var inner = new KeepingRuntime(new FakeModelRuntime(Shape));
        var runtime = new KeepingRuntime(inner);
        using var harness = new EngineHarness(runtime, Options(hostBytes: 3000) with { CheckpointBytes = 600 });
        Come(models: 3);
        harness.Cache.KeepShare();
        harness.Cache.KeepShare();
        harness.Cache.ShedSnapshots();
        Assert.Equal([3600, 1200, 0, 1200], runtime.Limits);
        Assert.Equal(runtime.Limits, inner.Limits); // else runs with a watched runtime would do without what it keeps
    }

    /// <summary>A checkpoint of the fake takes 4 bytes for each token.</summary>
    [Fact]
    public void KeepShare_PartIsLessThanACheckpoint_CopiesNoneAsLongAgain()
    {
        var runtime = new KeepingRuntime(new FakeModelRuntime(Shape with { SlidingWindow = 16, SharedCells = 0 }));
        using var harness = new EngineHarness(runtime, Options(hostBytes: 0) with { CheckpointBytes = 600 }, new StepClock(TimeSpan.Zero));
        Run('a', 100);
        Run('b', 110);
        Assert.Equal(2, runtime.Checkpoints);
        Assert.InRange(harness.Cache.CheckpointBytes, 440, 600); // the second took the room of the first
        Come(models: 2);
        harness.Cache.KeepShare();
        Assert.Equal(0, harness.Cache.CheckpointBytes);
        Run('c', 100);
        Run('d', 100);
        Run('e', 120);
        Assert.Equal(3, runtime.Checkpoints);
        Run('f', 40);
        Assert.Equal(4, runtime.Checkpoints);
        Assert.InRange(harness.Cache.CheckpointBytes, 160, 300);
        Run('g', 100);
        Assert.Equal(4, runtime.Checkpoints);

        void Run(char letter, int length)
        {
            harness.Submit(new string(letter, length), 40);
            harness.RunToEnd();
        }
    }

    [Fact]
    public void KeepShare_CheckpointsFillHalfOfThePart_AllStay()
    {
        var runtime = new FakeModelRuntime(Shape with { SlidingWindow = 16, SharedCells = 0 });
        using var harness = new EngineHarness(runtime, Options(hostBytes: 0) with { CheckpointBytes = 1000 }, new StepClock(TimeSpan.Zero));
        harness.Submit(new string('a', 100), 40);
        harness.RunToEnd();
        var held = harness.Cache.CheckpointBytes;
        Assert.InRange(held, 400, 500); // no room for another one in the half
        Come(models: 2);
        harness.Cache.KeepShare();
        Assert.Equal(held, harness.Cache.CheckpointBytes);
    }

    [Fact]
    public async Task Engine_LoadedAndStopped_TakesPartMeanwhile()
    {
        await using var first = Start();
        await using (var second = Start())
        {
            await Task.WhenAll(first.Ready, second.Ready).WaitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(2, _shares.Count);
            await first.CheckIntegrityAsync();
        }

        Assert.Equal(1, _shares.Count);
        await first.CheckIntegrityAsync();
    }

    private EngineOptions Options(long hostBytes) => new() { HostCacheBytes = hostBytes, HostMinimumTokens = 1, ReserveTokens = 0, HostShares = _shares };

    private InferenceEngine Start() => new(() => new FakeModelRuntime(Shape), Options(hostBytes: 1000), TimeProvider.System, new ListLogger());

    private void Come(int models)
    {
        for (var i = 0; i < models; i++) _shares.Join(static () => { });
    }

    private sealed class KeepingRuntime(IModelRuntime inner) : DelegatingRuntime(inner)
    {
        public new List<long> Limits { get; } = [];

        public int Checkpoints { get; private set; }

        public override SequenceSnapshot? Snapshot(int sequence, SnapshotScope scope)
        {
            if (scope == SnapshotScope.SlidingWindow) Checkpoints++;
            return base.Snapshot(sequence, scope);
        }

        public override void LimitSnapshots(long bytes)
        {
            Limits.Add(bytes);
            base.LimitSnapshots(bytes);
        }
    }
}
