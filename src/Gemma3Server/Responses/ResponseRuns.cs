using System.Collections.Concurrent;
using Gemma3Server.Api;
using Gemma3Server.Engine;

namespace Gemma3Server.Responses;

/// <summary>The responses that are being generated.</summary>
/// <remarks>
/// Thread-safe. One that is not in the background ends with its client; all end, as failed, when the engine has drained. The host then waits for
/// them before the store is closed.
/// </remarks>
internal sealed class ResponseRuns(
    ResponseStore store, TimeProvider timeProvider, ILogger<ResponseRuns> logger) : IHostedService, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Entry> _running = new(StringComparer.Ordinal);

    /// <summary>Starts what has been admitted.</summary>
    /// <param name="parsed">What is asked for.</param>
    /// <param name="owner">Whose it is.</param>
    /// <param name="call">The request; its model is held until the run has ended.</param>
    /// <param name="admission">The admitted generation.</param>
    /// <param name="measurements">Filled by the run.</param>
    /// <param name="cancellation">Cancels a response in the background.</param>
    /// <param name="cancelled">Of the client for a response that is not in the background; else of the response itself.</param>
    public ResponseRun Start(
        ParsedResponse parsed, string owner, ModelCall call, GenerationAdmission admission, GenerationMeasurements measurements,
        CancellationTokenSource? cancellation, CancellationToken cancelled)
    {
        var texts = parsed.Request.TopLogProbs is null ? null : new TokenText(call.Engine.Tokenizer!);
        var run = new ResponseRun(parsed, owner, admission, measurements, store, texts, timeProvider, logger);
        _running[run.Id] = new(run, cancellation);
        _ = RunAsync(run, call.Keep(), cancelled);
        return run;
    }

    /// <summary>The running response of this id, if it is to be found by its id at all; null when there is none for this owner.</summary>
    public ResponseRun? Find(string id, string owner) => FindEntry(id, owner)?.Run;

    /// <summary>Cancels a running response in the background and waits for its end; null when there is none for this owner.</summary>
    public async Task<ResponseRun?> CancelAsync(string id, string owner)
    {
        if (FindEntry(id, owner) is not { Cancellation: { } cancellation, Run: var run }) return null;
        await cancellation.CancelAsync();
        await run.Ended;
        return run;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => EndAllAsync().WaitAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        foreach (var entry in _running.Values)
            if (entry.Cancellation is { } cancellation) await cancellation.CancelAsync();
        await EndAllAsync();
    }

    private Entry? FindEntry(string id, string owner) =>
        _running.TryGetValue(id, out var entry) && entry.Run.Owner == owner && entry.Run.Body.Store ? entry : null;

    private Task EndAllAsync() => Task.WhenAll(_running.Values.Select(entry => entry.Run.Ended));

    private async Task RunAsync(ResponseRun run, IDisposable model, CancellationToken cancelled)
    {
        using var held = model;
        await run.RunAsync(cancelled);
        _running.TryRemove(run.Id, out _);
    }

    private sealed record Entry(ResponseRun Run, CancellationTokenSource? Cancellation);
}
