using Gemma3Server.Api.Errors;
using Gemma3Server.Pool;
using Gemma3Server.Runtime;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Pool;

public sealed class ModelPoolTests
{
    private const int Timeout = 60_000;

    [Fact(Timeout = Timeout)]
    public async Task Acquire_NotLoaded_LoadsOnceForAllWhoWait()
    {
        await using var harness = new PoolHarness();
        var waiting = Enumerable.Range(0, 5).Select(_ => harness.Ask("a")).ToArray();
        var loading = await harness.LoadingAsync("a");
        Assert.All(waiting, one => Assert.False(one.IsCompleted));
        loading.Progress = 0.25;
        Assert.Equal((ModelState.Loading, 0.25), (harness.State("a"), harness.Pool.StatusOf(harness.Model("a")).Progress));
        Assert.Equal("25 %", harness.Pool.DescribeWait(harness.Model("a")));
        loading.Load();
        foreach (var one in waiting) Assert.NotNull((await one).Lease);
        Assert.Equal(5, harness.Pool.StatusOf(harness.Model("a")).Requests);
        Assert.Single(harness.Loader.Started);
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_AnotherModelLoads_LoadedOneIsLentAtOnce()
    {
        await using var harness = new PoolHarness();
        await harness.LoadAsync("a");
        var waiting = harness.Ask("b");
        await harness.LoadingAsync("b");
        var lent = harness.Ask("a");
        Assert.True(lent.IsCompletedSuccessfully);
        Assert.NotNull((await lent).Lease);
        Assert.False(waiting.IsCompleted);
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_SeveralModels_AreLoadedOneAfterTheOther()
    {
        await using var harness = new PoolHarness();
        Task[] waiting = [harness.Ask("a"), harness.Ask("b"), harness.Ask("c")];
        foreach (var id in (string[])["a", "b", "c"])
        {
            var loading = await harness.LoadingAsync(id);
            harness.Pool.CheckIntegrity();
            loading.Load();
        }

        await Task.WhenAll(waiting);
        Assert.Equal(3, harness.Loader.Started.Count);
    }

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
    public async Task Acquire_TooManyWait_IsRefused()
    {
        await using var harness = new PoolHarness();
        var most = harness.Model("a").MostWaiting;
        var waiting = Enumerable.Range(0, most).Select(_ => harness.Ask("a")).ToArray();
        var (_, error) = await harness.Ask("a");
        Assert.Equal((429, $"The server is busy: {most} requests are waiting for the model 'a' to be loaded."), (error!.Status, error.Message));
        (await harness.LoadingAsync("a")).Load();
        foreach (var one in waiting) Assert.NotNull((await one).Lease);
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

    [Fact(Timeout = Timeout)]
    public async Task Acquire_IdMeansAnotherFile_IsLoadedFromThatOnceTheOldOneIsGone()
    {
        await using var harness = new PoolHarness();
        var other = harness.Model("a", pinned: true, path: "other.gguf");
        await harness.LoadAsync("a");
        using (var lease = (await harness.Pool.AcquireAsync(other, TestContext.Current.CancellationToken)).Lease) Assert.Same(harness.Loader.Started[0], lease!.Instance);
        await harness.Pool.UnloadAsync(other, TestContext.Current.CancellationToken);
        var waiting = harness.Pool.AcquireAsync(other, TestContext.Current.CancellationToken);
        var loading = await harness.LoadingAsync("a");
        Assert.Equal("other.gguf", loading.Model.Options.Model.Path);
        loading.Load();
        Assert.NotNull((await waiting).Lease);
        Assert.True(harness.Pool.StatusOf(other).IsPinned);
    }

    [Fact(Timeout = Timeout)]
    public async Task Acquire_FailedAndIdMeansAnotherFile_IsTriedAtOnce()
    {
        await using var harness = new PoolHarness();
        harness.Pool.Start([harness.Model("a")]);
        (await harness.LoadingAsync("a")).Refuse(forMemory: false);
        await harness.UntilAsync("a", ModelState.Failed);
        var waiting = harness.Pool.AcquireAsync(harness.Model("a", path: "other.gguf"), TestContext.Current.CancellationToken);
        var loading = await harness.LoadingAsync("a");
        Assert.Equal("other.gguf", loading.Model.Options.Model.Path);
        loading.Load();
        Assert.NotNull((await waiting).Lease);
        Assert.Null(harness.Pool.Unavailability);
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
    public async Task Acquire_AllWhoWaitLeave_QueuedLoadIsDroppedAndThePoolGoesOn()
    {
        await using var harness = new PoolHarness();
        using var client = new CancellationTokenSource();
        Task[] leaving = [harness.AskFor("a", client.Token), harness.AskFor("b", client.Token), harness.AskFor("b", client.Token)];
        var loading = await harness.LoadingAsync("a");
        await client.CancelAsync();
        foreach (var one in leaving) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
        Assert.Equal((ModelState.Loading, ModelState.Unloaded), (harness.State("a"), harness.State("b")));
        harness.Pool.CheckIntegrity();

        // What has begun is finished, and idle then.
        loading.Load();
        await harness.UntilAsync("a", ModelState.Loaded);
        await harness.LoadAsync("c");
        Assert.Equal(["a", "c"], harness.Loader.Started.Select(one => one.Model.Id));
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
    public async Task Load_Fails_ThoseWhoWaitAreToldAndTheNextOneTriesAgainAfterAWhile()
    {
        await using var harness = new PoolHarness();
        var waiting = harness.Ask("a");
        (await harness.LoadingAsync("a")).Refuse(forMemory: false);
        var (_, error) = await waiting;
        Assert.Equal((503, "model_failed", "The model 'a' failed: broken"), (error!.Status, error.Code, error.Message));
        Assert.Equal("broken", harness.Pool.StatusOf(harness.Model("a")).Failure);

        var (_, again) = await harness.Ask("a");
        Assert.Equal(error, again);
        Assert.Single(harness.Loader.Started);
        harness.Time.Advance(PoolErrors.Retry);
        await harness.LoadAsync("a");
        Assert.Null(harness.Pool.StatusOf(harness.Model("a")).Failure);
    }

    [Fact(Timeout = Timeout)]
    public async Task Load_FileIsUnreadable_IsAFailureThatEndsNothing()
    {
        await using var harness = new PoolHarness();
        harness.Loader.Unreadable = new ModelLoadException("no file");
        Assert.Equal("model_failed", (await harness.Ask("a")).Error!.Code);
        harness.Loader.Unreadable = null;
        await harness.LoadAsync("b");
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

    [Theory(Timeout = Timeout)]
    [InlineData("0", 0)]
    [InlineData("90", 90)]
    [InlineData("2m", 120)]
    public async Task Release_TimeIsUp_ModelIsUnloaded(string keepAlive, int seconds)
    {
        await using var harness = new PoolHarness(new() { KeepAlive = keepAlive });
        await harness.LoadAsync("a");
        if (seconds > 0)
        {
            harness.Time.Advance(TimeSpan.FromSeconds(seconds - 1));
            Assert.Equal(ModelState.Loaded, harness.State("a"));
            await harness.LoadAsync("a"); // a use begins the time anew
            harness.Time.Advance(TimeSpan.FromSeconds(seconds - 1));
            Assert.Equal(ModelState.Loaded, harness.State("a"));
            harness.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await harness.UntilAsync("a", ModelState.Unloaded);
        Assert.True(harness.Loader.Started.Single().Stopped);
    }

    [Fact(Timeout = Timeout)]
    public async Task Release_RequestSaysHowLong_CountsUntilAnotherSaysSo()
    {
        await using var harness = new PoolHarness();
        var lease = await harness.LendAsync("a");
        lease.KeepAlive = KeepAlive.Forever;
        lease.Dispose();
        harness.Time.Advance(TimeSpan.FromDays(30));
        Assert.Equal(ModelState.Loaded, harness.State("a"));

        lease = await harness.LendAsync("a");
        var other = await harness.LendAsync("a");
        lease.KeepAlive = new(TimeSpan.Zero);
        lease.Dispose();
        lease.Dispose();
        Assert.Equal(ModelState.Loaded, harness.State("a")); // it is busy
        other.Dispose();
        await harness.UntilAsync("a", ModelState.Unloaded);
    }

    [Fact(Timeout = Timeout)]
    public async Task Pin_IdleModel_StaysWhateverHappens()
    {
        await using var harness = new PoolHarness(new() { KeepAlive = "60" }, new() { Memory = 20, Sizes = { ["a"] = 10, ["b"] = 10, ["c"] = 10 } });
        await harness.LoadAsync("a");
        harness.Pool.Pin(harness.Model("a"), true);
        await harness.LoadAsync("b");
        await harness.LoadAsync("c");
        harness.Time.Advance(TimeSpan.FromHours(1));
        await harness.UntilAsync("c", ModelState.Unloaded);
        Assert.Equal(ModelState.Loaded, harness.State("a"));
        harness.Pool.Pin(harness.Model("a"), false);
        harness.Time.Advance(TimeSpan.FromSeconds(60));
        await harness.UntilAsync("a", ModelState.Unloaded);
    }

    [Fact(Timeout = Timeout)]
    public async Task Unload_BusyModel_GoesWhenItIsIdleAndNewRequestsLoadItAgain()
    {
        await using var harness = new PoolHarness();
        Assert.True(await harness.Pool.UnloadAsync(harness.Model("a"), TestContext.Current.CancellationToken));
        var held = await harness.LendAsync("a");
        var unloading = harness.Pool.UnloadAsync(harness.Model("a"), TestContext.Current.CancellationToken);
        Assert.Equal(ModelState.Unloading, harness.State("a"));
        var next = harness.Ask("a");
        await harness.LoadAsync("b"); // which is not held up by that
        Assert.False(unloading.IsCompleted || next.IsCompleted);
        held.Dispose();
        Assert.True(await unloading);
        var loading = await harness.LoadingAsync("a");
        Assert.False(await harness.Pool.UnloadAsync(harness.Model("a"), TestContext.Current.CancellationToken));
        loading.Load();
        Assert.NotNull((await next).Lease);
        Assert.Equal(["a", "b", "a"], harness.Loader.Started.Select(one => one.Model.Id));
    }

    [Fact(Timeout = Timeout)]
    public async Task Engine_FailsLater_ModelIsFailedAndTheOthersGoOn()
    {
        await using var harness = new PoolHarness();
        using var other = await harness.LendAsync("b");
        var held = await harness.LendAsync("a");
        harness.Loader.Started[1].Fail(new InvalidOperationException("lost"));
        await harness.UntilAsync("a", ModelState.Failed);
        held.Dispose();
        harness.Pool.CheckIntegrity();
        Assert.Equal("lost", harness.Pool.StatusOf(harness.Model("a")).Failure);
        Assert.Equal(ModelState.Loaded, harness.State("b"));
        Assert.False(harness.Pool.Lost.IsCompleted);
        await harness.LoadAsync("a");
    }

    [Fact(Timeout = Timeout)]
    public async Task Start_ModelsOfTheStart_AreLoadedInOrderAndRefusedUntilThen()
    {
        await using var harness = new PoolHarness();
        Assert.Equal("model_loading", harness.Pool.Unavailability!.Code);
        harness.Pool.Start([harness.Model("default", pinned: true), harness.Model("second")]);
        var first = await harness.LoadingAsync("default");
        Assert.Equal("model_loading", (await harness.Ask("default")).Error!.Code);
        first.Load();
        var second = await harness.LoadingAsync("second");
        await harness.UntilAsync("default", ModelState.Loaded);
        Assert.NotNull((await harness.Ask("default")).Lease);
        Assert.Equal("model_loading", harness.Pool.Unavailability!.Code);
        second.Load();
        await harness.Pool.Started;
        Assert.Null(harness.Pool.Unavailability);
    }

    [Fact(Timeout = Timeout)]
    public async Task Start_DefaultModelFails_TheServerIsLost()
    {
        await using var harness = new PoolHarness();
        harness.Pool.Start([harness.Model("default", pinned: true)]);
        (await harness.LoadingAsync("default")).Refuse(forMemory: false);
        await harness.Pool.Lost;
        Assert.Equal("broken", (await Assert.ThrowsAsync<ModelLoadException>(() => harness.Pool.Started)).Message);
        Assert.Equal("model_failed", harness.Pool.Unavailability!.Code);
    }

    [Fact(Timeout = Timeout)]
    public async Task Start_AnotherModelFails_TheServerGoesOnAndIsNotReady()
    {
        await using var harness = new PoolHarness();
        harness.Pool.Start([harness.Model("default", pinned: true), harness.Model("second")]);
        (await harness.LoadingAsync("default")).Load();
        (await harness.LoadingAsync("second")).Refuse(forMemory: false);
        await harness.Pool.Started;
        Assert.False(harness.Pool.Lost.IsCompleted);
        Assert.Equal("The model 'second' failed: broken", harness.Pool.Unavailability!.Message);
        Assert.NotNull((await harness.Ask("default")).Lease);
    }

    [Fact(Timeout = Timeout)]
    public async Task Stop_WhileSomeWait_RefusesThemAndStopsAll()
    {
        await using var harness = new PoolHarness();
        await harness.LoadAsync("a");
        Task<(ModelLease? Lease, OpenAiError? Error)>[] waiting = [harness.Ask("b"), harness.Ask("c")];
        await harness.LoadingAsync("b");
        await harness.Pool.StopAsync(TimeSpan.FromSeconds(30));
        foreach (var one in waiting) Assert.Equal("server_draining", (await one).Error!.Code);
        Assert.Equal("server_draining", (await harness.Ask("a")).Error!.Code);
        Assert.All(harness.Loader.Started, one => Assert.True(one.Stopped));
    }
}
