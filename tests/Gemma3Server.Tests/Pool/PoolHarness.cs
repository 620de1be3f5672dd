using System.Collections.Concurrent;
using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;
using Gemma3Server.Pool;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace Gemma3Server.Tests.Pool;

/// <summary>A pool of models that are loaded when the test says so, under a clock that it moves.</summary>
internal sealed class PoolHarness : IAsyncDisposable
{
    public PoolHarness(ModelsSettings? settings = null, FakeLoader? loader = null)
    {
        Loader = loader ?? new();
        Settings = settings ?? new();
        Pool = new(Loader, Settings, Time, new WarningLog(Warnings));
    }

    public FakeLoader Loader { get; }

    public ModelsSettings Settings { get; }

    public FakeTimeProvider Time { get; } = new();

    public ModelPool Pool { get; }

    /// <summary>What the pool has warned of.</summary>
    public ConcurrentQueue<string> Warnings { get; } = [];

    public ServedModel Model(string id, bool pinned = false, string? path = null) =>
        ServedModel.Of(new() { Model = new() { Id = id, Path = path ?? $"{id}.gguf" }, Models = Settings }, Time) with { IsPinned = pinned };

    /// <summary>Begins to ask for a model.</summary>
    public Task<(ModelLease? Lease, OpenAiError? Error)> Ask(string id) => Pool.AcquireAsync(Model(id), TestContext.Current.CancellationToken);

    /// <summary>Begins to ask for a model as a client that may leave.</summary>
    public Task<(ModelLease? Lease, OpenAiError? Error)> AskFor(string id, CancellationToken client, string? path = null) => Pool.AcquireAsync(Model(id, path: path), client);

    /// <summary>Asks for a model, lets it be loaded if need be, and waits for it.</summary>
    public async Task<ModelLease> LendAsync(string id)
    {
        var asked = Ask(id);
        while (!asked.IsCompleted)
        {
            if (Loader.Loading is { } loading) loading.Load();
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        var (lease, error) = await asked;
        Assert.True(lease is not null, error?.Message);
        return lease;
    }

    /// <summary>Loads a model and leaves it idle.</summary>
    public async Task LoadAsync(string id) => (await LendAsync(id)).Dispose();

    public async Task<FakeInstance> LoadingAsync(string id)
    {
        await TestServer.UntilAsync(() => Loader.Loading?.Model.Id == id);
        return Loader.Loading!;
    }

    public ModelState State(string id) => Pool.StatusOf(Model(id)).State;

    public Task UntilAsync(string id, ModelState state) => TestServer.UntilAsync(() => State(id) == state);

    public async ValueTask DisposeAsync()
    {
        await Pool.DisposeAsync();
        Pool.CheckIntegrity();
        Assert.Null(Loader.Fault);
    }

    private sealed class WarningLog(ConcurrentQueue<string> warnings) : ILogger<ModelPool>
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel == LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Warning) warnings.Enqueue(formatter(state, exception));
        }
    }
}
