using Gemma3Server.Hub;

namespace Gemma3Server.Tests.Hub;

/// <summary>Pulls from a hub that behaves.</summary>
public sealed class ModelPullTests
{
    private const int Bytes = 3_000_001;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Pull_File_IsFetchedInRangesVerifiedAndPublished(bool redirects)
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Redirects = redirects;
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);

        var file = Assert.Single(await bench.PullAsync());
        Assert.True(file.Fetched);
        Assert.Equal((bench.Path, Bytes, LocalHub.Hash(content), LocalHub.Commit), (file.Path, file.Bytes, file.Sha256, file.Commit));
        bench.AssertWhole(content);
        Assert.Equal(12, hub.Fetches.Count());
        Assert.Equal(Bytes, hub.Sent);
        Assert.Equal(hub.Redirects ? 0 : 12, hub.Fetches.Count(request => request.IsHub));
        Assert.Contains(hub.Requests, request => request.Path == $"/{PullBench.Repository}/resolve/{LocalHub.Commit}/{PullBench.File}");
        Assert.Equal([PullPhase.Resolving, PullPhase.Downloading, PullPhase.Verifying], bench.Statuses.Select(status => status.Phase).Distinct());
        Assert.Equal(Bytes, bench.Statuses.Last(status => status.Phase == PullPhase.Downloading).Bytes);
    }

    [Fact]
    public async Task Pull_AlreadyHere_FetchesNothing()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);
        await bench.PullAsync();

        Assert.False(Assert.Single(await bench.PullAsync()).Fetched);
        Assert.Equal(Bytes, hub.Sent);
    }

    [Fact]
    public async Task Pull_FileWithoutReceipt_IsHashedInsteadOfFetched()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub) { FreeSpace = _ => 0 };
        Directory.CreateDirectory(Path.GetDirectoryName(bench.Path)!);
        await File.WriteAllBytesAsync(bench.Path, content, TestContext.Current.CancellationToken);

        Assert.False(Assert.Single(await bench.PullAsync()).Fetched);
        bench.AssertWhole(content);
        Assert.Equal(0, hub.Sent);
    }

    [Fact]
    public async Task Pull_NewVersionOnTheHub_ReplacesTheOldOne()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);
        await bench.PullAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes - 7, seed: 2);

        Assert.True(Assert.Single(await bench.PullAsync()).Fetched);
        bench.AssertWhole(content);
        Assert.Contains("another version", Assert.Single(bench.Notes), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_FirstOfThreeShards_FetchesAll()
    {
        await using var hub = await LocalHub.StartAsync();
        var contents = Enumerable.Range(1, 3).Select(i => hub.Add(PullBench.Repository, $"sub/m-0000{i}-of-00003.gguf", 300_000 + i, i)).ToList();
        await using var bench = new PullBench(hub);

        var files = await bench.PullAsync(new PullRequest { Repository = PullBench.Repository });
        Assert.Equal(contents.Select(LocalHub.Hash), files.Select(file => LocalHub.Hash(File.ReadAllBytes(file.Path))));
        Assert.True(bench.Store.Has(PullBench.Repository, "sub/m-00001-of-00003.gguf"));
        File.Delete(files[2].Path);
        Assert.False(bench.Store.Has(PullBench.Repository, "sub/m-00001-of-00003.gguf"));
    }

    [Theory]
    [InlineData(null, "a-Q4_0.gguf")]
    [InlineData("q8_0", "a-Q8_0.gguf")]
    [InlineData("a-F16.gguf", "a-F16.gguf")]
    public async Task Pull_RepositoryWithSeveralModels_TakesTheOneThatIsMeant(string? choice, string expected)
    {
        await using var hub = await LocalHub.StartAsync();
        foreach (var name in new[] { "a-F16.gguf", "a-Q4_0.gguf", "a-Q8_0.gguf", "mmproj-a-Q4_0.gguf", "README.md" }) hub.Add(PullBench.Repository, name, 1000);
        await using var bench = new PullBench(hub);

        var files = await bench.PullAsync(new PullRequest { Repository = PullBench.Repository, Choice = choice });
        Assert.Equal(expected, Path.GetFileName(Assert.Single(files).Path));
    }

    [Fact]
    public async Task Pull_ChoiceIsAmbiguous_NamesTheCandidates()
    {
        await using var hub = await LocalHub.StartAsync();
        foreach (var name in new[] { "a-F16.gguf", "a-Q8_0.gguf" }) hub.Add(PullBench.Repository, name, 1000);
        await using var bench = new PullBench(hub);
        var fault = await bench.FailAsync(new PullRequest { Repository = PullBench.Repository });
        Assert.Equal(HubFault.NotFound, fault.Fault);
        Assert.EndsWith($"choose one with {PullBench.Repository}:FILE: a-F16.gguf, a-Q8_0.gguf.", fault.Message, StringComparison.Ordinal);
    }

    /// <summary>In one process the lock is the same as between two.</summary>
    [Fact]
    public async Task Pull_TwoAtOnce_MakeOneDownload()
    {
        await using var hub = await LocalHub.StartAsync();
        var content = hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);
        var waits = new TaskCompletionSource();
        hub.Gate = () => waits.Task;
        bench.OnReport = status =>
        {
            if (status.Phase == PullPhase.Waiting) waits.TrySetResult();
        };

        var results = await Task.WhenAll(bench.PullAsync(), bench.PullAsync());
        Assert.Equal(Bytes, hub.Sent);
        Assert.Single(results, files => files[0].Fetched);
        bench.AssertWhole(content);
    }

    [Fact]
    public async Task Pull_NoRoom_FetchesNothingAndSaysHowMuch()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub) { FreeSpace = _ => 1_000_000 };
        var fault = await bench.FailAsync();
        Assert.Equal(HubFault.DiskFull, fault.Fault);
        Assert.Contains("3.0 MB more are needed and 1.0 MB are free", fault.Message, StringComparison.Ordinal);
        Assert.Empty(hub.Fetches);
    }

    [Fact]
    public async Task Pull_KnownHashDiffers_FetchesNothing()
    {
        await using var hub = await LocalHub.StartAsync();
        hub.Add(PullBench.Repository, PullBench.File, Bytes);
        await using var bench = new PullBench(hub);
        var fault = await bench.FailAsync(new() { Repository = PullBench.Repository, Items = [new(PullBench.File, new string('a', 64))] });
        Assert.Equal(HubFault.WrongHash, fault.Fault);
        Assert.Contains("nothing was downloaded", fault.Message, StringComparison.Ordinal);
        Assert.Empty(hub.Fetches);
    }
}
