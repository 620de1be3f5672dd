using Gemma3Server.Pool;
using Gemma3Server.Runtime;

namespace Gemma3Server.Tests.Pool;

/// <summary>Who gets a model, and what of its load.</summary>
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
}
