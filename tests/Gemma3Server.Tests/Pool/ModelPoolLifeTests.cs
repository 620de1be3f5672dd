using Gemma3Server.Api.Errors;
using Gemma3Server.Pool;
using Gemma3Server.Runtime;

namespace Gemma3Server.Tests.Pool;

/// <summary>When models go, by their time or for good, and how the pool begins and ends.</summary>
public sealed class ModelPoolLifeTests
{
    private const int Timeout = 60_000;

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
