using Gemma3Server.Catalog;
using Gemma3Server.Hub;
using Microsoft.Extensions.DependencyInjection;

namespace Gemma3Server.Tests.Hub;

/// <summary>A store in a folder of its own, and pulls into it from a <see cref="LocalHub"/>, with small ranges and short waits.</summary>
internal sealed class PullBench : IPullProgress, IAsyncDisposable
{
    public const string Repository = "owner/model-GGUF";
    public const string File = "model-Q4_0.gguf";

    private readonly ServiceProvider _services;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gemma3server-pull-");
    private readonly TimeProvider _time;

    public PullBench(LocalHub hub, HubTimings? timings = null, string? token = null, TimeProvider? time = null)
        : this(hub.Endpoint, timings, token, time)
    {
    }

    public PullBench(Uri endpoint, HubTimings? timings = null, string? token = null, TimeProvider? time = null)
    {
        Timings = timings ?? Short;
        _time = time ?? TimeProvider.System;
        _services = new ServiceCollection().AddHub(new(endpoint, token, token is null ? null : "HF_TOKEN"), Timings, _time).BuildServiceProvider();
        Store = new(_folder.FullName);
    }

    /// <summary>Many ranges in a small file, and no waits to speak of.</summary>
    public static HubTimings Short { get; } = new()
    {
        Connections = 4,
        RangeBytes = 256 * 1024,
        CommitBytes = 64 * 1024,
        RetryDelay = TimeSpan.FromMilliseconds(1),
        LockPoll = TimeSpan.FromMilliseconds(5),
    };

    public HubTimings Timings { get; }

    public ModelStore Store { get; }

    public List<PullStatus> Statuses { get; } = [];

    public List<string> Notes { get; } = [];

    /// <summary>Called with each status.</summary>
    public Action<PullStatus> OnReport { get; set; } = _ => { };

    /// <summary>Free bytes of the disk, instead of its own.</summary>
    public Func<string, long>? FreeSpace { get; init; }

    public HubClient Client => _services.GetRequiredService<HubClient>();

    public string Path => Store.PathOf(Repository, File);

    public Task<IReadOnlyList<PulledFile>> PullAsync(CancellationToken? cancellationToken = null) =>
        PullAsync(new() { Repository = Repository, Items = [new(File)] }, cancellationToken);

    public Task<IReadOnlyList<PulledFile>> PullAsync(PullRequest request, CancellationToken? cancellationToken = null)
    {
        _services.GetRequiredService<HubNotices>().Listener = Note;
        var pull = FreeSpace is null
            ? new ModelPull(Client, Store, this, Timings, _time)
            : new ModelPull(Client, Store, this, Timings, _time) { FreeSpace = FreeSpace };
        return pull.RunAsync(request, cancellationToken ?? TestContext.Current.CancellationToken);
    }

    public async Task<HubException> FailAsync(PullRequest? request = null) =>
        await Assert.ThrowsAsync<HubException>(() => request is null ? PullAsync() : PullAsync(request));

    public void Report(PullStatus status)
    {
        lock (Statuses) Statuses.Add(status);
        OnReport(status);
    }

    public void Note(string text)
    {
        lock (Notes) Notes.Add(text);
    }

    /// <summary>The file is whole, has its receipt, and nothing is left beside it.</summary>
    public void AssertWhole(byte[] content)
    {
        Assert.Equal(LocalHub.Hash(content), LocalHub.Hash(System.IO.File.ReadAllBytes(Path)));
        Assert.Equal(LocalHub.Hash(content), Store.ReceiptOf(Repository, File)!.Sha256);
        Assert.False(System.IO.File.Exists(Store.PartialOf(Repository, File)));
        Assert.False(System.IO.File.Exists(Store.JournalOf(Repository, File)));
    }

    public async ValueTask DisposeAsync()
    {
        await _services.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
