using Gemma3Server.Pool;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Pool;

/// <summary>Models that do not all fit: who goes, who waits, who is refused.</summary>
public sealed class ModelPoolRoomTests
{
    private const int Timeout = 60_000;

    [Fact(Timeout = Timeout)]
    public async Task Acquire_DoesNotFit_LeastRecentlyUsedIdleModelGoes()
    {
        await using var harness = new PoolHarness(null, new() { Memory = 30, Sizes = { ["a"] = 10, ["b"] = 10, ["c"] = 10, ["d"] = 10 } });
        foreach (var id in (string[])["a", "b", "c", "a"]) await harness.LoadAsync(id);
        using var held = await harness.LendAsync("d");
        Assert.Equal(ModelState.Unloaded, harness.State("b"));
        Assert.Equal([ModelState.Loaded, ModelState.Loaded, ModelState.Loaded], new[] { "a", "c", "d" }.Select(harness.State));
        Assert.True(harness.Loader.Started[1].Stopped);
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_MostLoadedReached_OneGoesFirst()
    {
        await using var harness = new PoolHarness(new() { MostLoaded = 2 });
        foreach (var id in (string[])["a", "b", "c"]) await harness.LoadAsync(id);
        Assert.Equal(ModelState.Unloaded, harness.State("a"));
        harness.Pool.CheckIntegrity();
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_AllBusy_WaitsUntilOneIsIdle()
    {
        await using var harness = new PoolHarness(new() { MostLoaded = 1 });
        var held = await harness.LendAsync("a");
        var waiting = harness.Ask("b");
        await TestServer.UntilAsync(() => harness.Pool.DescribeWait(harness.Model("b")) == "waiting for room");
        Assert.Equal(ModelState.Loaded, harness.State("a"));
        Assert.False(harness.Loader.Started[0].Stopped);
        held.Dispose();
        (await harness.LoadingAsync("b")).Load();
        Assert.NotNull((await waiting).Lease);
        Assert.Equal(ModelState.Unloaded, harness.State("a"));
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_OneWaitsForRoom_OthersThatFitGoFirst()
    {
        await using var harness = new PoolHarness(null, new() { Memory = 30, Sizes = { ["busy"] = 10, ["large"] = 25, ["larger"] = 26, ["small"] = 10 } });
        var held = await harness.LendAsync("busy");
        var large = harness.Ask("large");
        var larger = harness.Ask("larger");
        foreach (var id in (string[])["large", "larger"]) await TestServer.UntilAsync(() => harness.Pool.DescribeWait(harness.Model(id)) == "waiting for room");
        await harness.LoadAsync("small");
        Assert.False(large.IsCompleted || larger.IsCompleted);
        held.Dispose();
        while (!large.IsCompleted || !larger.IsCompleted)
        {
            if (harness.Loader.Loading is { } loading) loading.Load();
            if (large.IsCompleted) (await large).Lease!.Dispose();
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        Assert.NotNull((await larger).Lease);
        Assert.Equal(["busy", "small", "large", "larger"], harness.Loader.Started.Select(one => one.Model.Id));
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_BusyForTooLong_IsRefusedWithATimeToRetry()
    {
        await using var harness = new PoolHarness(new() { MostLoaded = 1, RoomTimeout = 7 });
        using var held = await harness.LendAsync("a");
        var waiting = harness.Ask("b");
        await TestServer.UntilAsync(() => harness.Pool.DescribeWait(harness.Model("b")) == "waiting for room");
        while (!waiting.IsCompleted)
        {
            harness.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        var (_, error) = await waiting;
        Assert.Equal((503, "models_busy"), (error!.Status, error.Code));
        Assert.Equal("The model 'b' does not fit beside those that are loaded, and all of them have been busy for 7 s.", error.Message);
        Assert.NotNull(error.RetryAfter);
        Assert.Equal((ModelState.Loaded, ModelState.Unloaded), (harness.State("a"), harness.State("b")));
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_NoTimeToWaitForRoom_IdleOneGoesAndItIsLoaded()
    {
        await using var harness = new PoolHarness(new() { MostLoaded = 1, RoomTimeout = 0 });
        await harness.LoadAsync("a");
        using (await harness.LendAsync("b")) Assert.Equal("models_busy", (await harness.Ask("a")).Error!.Code);
        await harness.LoadAsync("a");
    }

    [Theory(Timeout = Timeout)]
    [InlineData(200, 40, 160)] // more than usual: in the same proportion
    [InlineData(100, 22, 78)] // as usual: the host has some to spare
    [InlineData(60, 22, 38)] // less
    [InlineData(2000, 1500, 500)] // more than the GPU has
    public async Task Load_MostBytes_BoundsHostAndGpuTogether(long most, long host, long gpu)
    {
        await using var harness = new PoolHarness(
            new() { MostBytes = most }, new() { Memory = 5000, GpuMemory = 500, MostShrinks = 2, Sizes = { ["a"] = 20 }, GpuSizes = { ["a"] = 80 } });
        await harness.LoadAsync("a");
        Assert.Equal(new MemorySize(host, gpu), Assert.Single(harness.Loader.Given));
    }

    [Fact(Timeout = Timeout)]
    public async Task Load_OthersHoldTheGpu_IsWarnedOf()
    {
        await using var harness = new PoolHarness(null, new() { GpuMemory = 100, GpuSizes = { ["a"] = 80, ["b"] = 10 }, HostLayers = 3 });
        using var first = await harness.LendAsync("a");
        Assert.Empty(harness.Warnings); // it has no room by itself, which the plan in the log says
        using var second = await harness.LendAsync("b");
        Assert.StartsWith("Model b has 3 of its layers on the host", Assert.Single(harness.Warnings), StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_OnlyPinnedOnesLoaded_IsRefusedAtOnce()
    {
        await using var harness = new PoolHarness(new() { MostLoaded = 1 });
        await harness.LoadAsync("a");
        harness.Pool.Pin(harness.Model("a"), true);
        var (_, error) = await harness.Ask("b");
        Assert.Equal("models_busy", error!.Code);
        Assert.Contains("pinned", error.Message, StringComparison.Ordinal);
        harness.Pool.Pin(harness.Model("a"), false);
        await harness.LoadAsync("b");
        Assert.Equal(ModelState.Unloaded, harness.State("a"));
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_CanNeverFit_NobodyIsUnloadedForIt()
    {
        await using var harness = new PoolHarness(null, new() { Memory = 30, Sizes = { ["a"] = 10, ["large"] = 40 << 20 } });
        await harness.LoadAsync("a");
        var (_, error) = await harness.Ask("large");
        Assert.Equal("out_of_memory", error!.Code);
        Assert.Contains("needs at least 40 MiB", error.Message, StringComparison.Ordinal);
        Assert.Equal((ModelState.Loaded, ModelState.Failed), (harness.State("a"), harness.State("large")));
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_LeavesWhileItsLoadWaitsForRoom_LoadIsDropped()
    {
        await using var harness = new PoolHarness(new() { MostLoaded = 1 });
        using var held = await harness.LendAsync("a");
        using var client = new CancellationTokenSource();
        var leaving = harness.AskFor("b", client.Token);
        await TestServer.UntilAsync(() => harness.Pool.DescribeWait(harness.Model("b")) == "waiting for room");
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        await harness.UntilAsync("b", ModelState.Unloaded);
        Assert.Single(harness.Loader.Started);
    }

    [Fact(Timeout = Timeout)]
    public async Task Load_NoMemory_IdleModelsGoThenItIsMadeSmallerThenItFails()
    {
        await using var harness = new PoolHarness(null, new() { MostShrinks = 2 });
        await harness.LoadAsync("idle");
        using var busy = await harness.LendAsync("busy");
        var waiting = harness.Ask("a");
        List<(int, ModelState)> tries = [];
        while (!waiting.IsCompleted)
        {
            if (harness.Loader.Loading is { } loading)
            {
                tries.Add((loading.Shrink, harness.State("idle")));
                loading.Refuse(forMemory: true);
            }

            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        Assert.Equal([(0, ModelState.Loaded), (0, ModelState.Unloaded), (1, ModelState.Unloaded), (2, ModelState.Unloaded)], tries);
        Assert.Equal((503, "out_of_memory"), ((await waiting).Error!.Status, (await waiting).Error!.Code));
        Assert.Equal(ModelState.Loaded, harness.State("busy"));
        Assert.Equal((await waiting).Error, (await harness.Ask("a")).Error); // within the time to retry

        harness.Time.Advance(PoolErrors.Retry);
        waiting = harness.Ask("a");
        (await harness.LoadingAsync("a")).Refuse(forMemory: true);
        await TestServer.UntilAsync(() => harness.Loader.Loading?.Shrink == 1);
        harness.Loader.Loading!.Load();
        Assert.NotNull((await waiting).Lease);
    }
}
