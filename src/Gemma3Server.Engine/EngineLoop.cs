using Gemma3Server.Engine.Caching;
using Gemma3Server.Engine.Diagnostics;
using Gemma3Server.Engine.Embedding;
using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Speculation;
using Gemma3Server.Runtime;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Engine;

/// <summary>The one thread that loads, uses and disposes the runtime.</summary>
/// <remarks>
/// Its life: load; then, step after step, take arrivals, remove the cancelled, compute a chunk of an embedding, run a step, or sleep; at the end fail what is left and
/// dispose the runtime. Whatever goes wrong ends the requests and the loop, never the process.
/// </remarks>
internal sealed class EngineLoop : IDisposable
{
    /// <summary>How long a loop that may be alive is given to end itself: some steps, and little enough for clients who wait to hear of it.</summary>
    private static readonly TimeSpan TimeToEnd = TimeSpan.FromSeconds(1);

    private readonly Func<CancellationToken, IModelRuntime> _load;
    private readonly Func<IModelRuntime, CancellationToken, IModelRuntime?>? _loadDraft;
    private readonly CancellationTokenSource _loading = new();
    private readonly Lock _runtimeGate = new();
    private readonly EngineOptions _options;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly Action<Sequence> _onRemoved;
    private volatile Scheduler? _scheduler;
    private volatile StepExecutor? _executor;
    private KvCache? _cache;
    private volatile LoadedModel? _model;
    private IModelRuntime? _runtime;
    private IModelRuntime? _draft;
    private bool _abandoned;
    private int _ending;

    public EngineLoop(
        Func<CancellationToken, IModelRuntime> load, EngineOptions options, TimeProvider timeProvider, ILogger logger,
        Func<IModelRuntime, CancellationToken, IModelRuntime?>? loadDraft = null)
    {
        _load = load;
        _loadDraft = options.Speculation is SpeculationMode.Auto or SpeculationMode.Draft ? loadDraft : null;
        _options = options;
        _timeProvider = timeProvider;
        _logger = logger;
        _onRemoved = OnCancelled;
        Embeddings = new(timeProvider);
        Thread = new(Run) { Name = "Gemma3Server engine loop", IsBackground = true };
        Metrics = new(() => RunningCount, () => WaitingCount, options.Name);
    }

    public EngineLifecycle Lifecycle { get; } = new();

    public Inbox Inbox { get; } = new();

    /// <summary>The embedding requests, computed between steps.</summary>
    public EmbeddingQueue Embeddings { get; }

    public EngineMetrics Metrics { get; }

    /// <summary>Checks of the books that others ask for.</summary>
    public IntegrityChecks Checks { get; } = new();

    /// <summary>The model, once loaded.</summary>
    public LoadedModel? Model => _model;

    /// <summary>Requests that hold a sequence.</summary>
    public int RunningCount => _scheduler?.RunningCount ?? 0;

    /// <summary>Requests that wait for a sequence.</summary>
    public int WaitingCount => Inbox.Count + (_scheduler?.WaitingCount ?? 0);

    /// <summary>Requests that have ended.</summary>
    public long Ended => _scheduler?.Ended ?? 0;

    /// <summary>How long, at the present pace, until a running request must end.</summary>
    public TimeSpan TimeToNextEnd => _executor?.TimeToNextEnd ?? TimeSpan.Zero;

    /// <summary>How long it lately took from one end to the next; zero when not known.</summary>
    public TimeSpan TimePerEnd => _executor?.TimePerEnd ?? TimeSpan.Zero;

    /// <summary>The thread; in the background, so that one lost in native code does not keep the process alive.</summary>
    public Thread Thread { get; }

    /// <summary>Starts the thread.</summary>
    public void Start() => Thread.Start();

    // The source of the loading token holds nothing that must be freed, and a second stop may still cancel it.
    public void Dispose() => Metrics.Dispose();

    /// <summary>Begins to stop: no new requests, and no load that would only be thrown away.</summary>
    public void BeginStop()
    {
        Lifecycle.BeginDrain();
        Inbox.Close();
        Embeddings.Close();
        _loading.Cancel();
    }

    /// <summary>Ends the loop as soon as may be: waits for no request, and interrupts the forward call under way if the runtime can.</summary>
    public void Abort()
    {
        Lifecycle.RequestAbort();
        Inbox.Wake();
        _loading.Cancel();
        lock (_runtimeGate)
        {
            (_runtime as IInterruptible)?.Interrupt();
            (_draft as IInterruptible)?.Interrupt();
        }
    }

    /// <summary>
    /// Ends everything after a fault in native code, which holds the thread that met it for ever. If that is another thread than the loop's,
    /// the loop ends itself. Only when it does not are its sequences failed from here: it is lost, so nobody else touches them.
    /// </summary>
    public async Task AbandonAsync(Exception fault)
    {
        Lifecycle.Fail(fault);
        Inbox.Close();

        // Neither interrupted nor disposed, nor any snapshot: that would use what has just failed, or wait for what its thread holds for ever.
        lock (_runtimeGate)
        {
            _abandoned = true;
            (_runtime, _draft) = (null, null);
        }

        Abort();
        using var ended = new CancellationTokenSource();
        await Task.WhenAny(Lifecycle.Ended, Task.Delay(TimeToEnd, _timeProvider, ended.Token)).ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        if (!TryClaimEnd()) return;
        FailTheRest();
        Checks.Close();
        Lifecycle.End();
    }

    private void Run()
    {
        // Everything that is logged on this thread, by the runtime too, is about this model.
        using var scope = _logger.BeginScope(new KeyValuePair<string, object>[] { new("Model", _options.Name) });
        try
        {
            if (Load() is { } runtime && StartServing(runtime)) Serve(runtime as IEmbeddingRuntime);
        }
        catch (Exception exception)
        {
            _logger.LoopFailed(exception);
            Lifecycle.Fail(exception);
        }

        // A loop that was given up as lost, and comes back all the same, finds its work done.
        if (!TryClaimEnd()) return;

        // The inbox is closed before the last arrivals are taken, so that none is left without an answer.
        Inbox.Close();
        FailTheRest();
        Checks.Close();
        DisposeRuntime();
        Lifecycle.End();
        _logger.Stopped();
    }

    private IModelRuntime? Load()
    {
        try
        {
            var runtime = _load(_loading.Token);
            lock (_runtimeGate)
            {
                if (!_abandoned) _runtime = runtime;
            }

            LoadDraft(runtime);
            return runtime;
        }
        catch (Exception) when (_loading.IsCancellationRequested)
        {
            return null; // whatever the interrupted load says of itself, it was stopped
        }
        catch (Exception exception)
        {
            // A refused checkpoint says all in its message; the stack helps only with a fault of ours.
            _logger.LoadFailed(exception.Message, exception is ModelLoadException ? null : exception);
            Lifecycle.Fail(exception);
            return null;
        }
    }

    private void LoadDraft(IModelRuntime runtime)
    {
        if (_loadDraft is null) return;
        if (_loadDraft(runtime, _loading.Token) is not { } draft) return;
        lock (_runtimeGate)
        {
            if (!_abandoned) _draft = draft;
        }

        if (DraftModel.FindFault(runtime.Tokenizer, draft.Tokenizer) is { } fault) throw new ModelLoadException(fault);
    }

    /// <summary>Opens for requests; false when a stop came first.</summary>
    private bool StartServing(IModelRuntime runtime)
    {
        var cache = _cache = new KvCache(runtime, _options, _timeProvider);
        var scheduler = new Scheduler(cache, runtime.Limits, _options);
        var speculator = new Speculator(runtime.Limits, runtime.Model.SlidingWindow, _options, scheduler.StepTokens, cache.Capacity, _draft is null ? null : new(_draft, _timeProvider));
        cache.OnMoved = speculator.Move;
        _options.HostShares?.Join(Inbox.Wake);
        _executor = new(runtime, scheduler, cache, speculator, Lifecycle, Metrics, _timeProvider, _logger);
        _scheduler = scheduler;
        _model = new(runtime.Model, runtime.Limits, runtime.Tokenizer, runtime is IEmbeddingRuntime);
        _logger.ModelReady(runtime.Model.Name, cache.Capacity, runtime.Limits.ContextLength, scheduler.StepTokens);
        Inbox.Open();
        if (_model.Embeds) Embeddings.Open();
        if (Lifecycle.TryBecomeReady()) return true;
        Inbox.Close();
        Embeddings.Close();
        return false;
    }

    private void DisposeRuntime()
    {
        IModelRuntime? runtime, draft;
        lock (_runtimeGate)
        {
            (runtime, draft) = (_runtime, _draft);
            (_runtime, _draft) = (null, null); // from here on nobody interrupts them
        }

        if (runtime is null) return; // never loaded, or failed for good: then its snapshots too are left to the end of the process
        Try(() => _cache?.ClearHostMemory());
        _options.HostShares?.Leave(Inbox.Wake);
        Try(() => draft?.Dispose());
        Try(runtime.Dispose);

        void Try(Action release)
        {
            try
            {
                release();
            }
            catch (Exception exception)
            {
                _logger.DisposeFailed(exception);
            }
        }
    }

    /// <summary>True for the one thread that may end what is left.</summary>
    private bool TryClaimEnd() => Interlocked.Exchange(ref _ending, 1) == 0;

    private void Serve(IEmbeddingRuntime? embedding)
    {
        Func<bool> shed = _cache!.ShedSnapshots; // cells are no use to an embedding, which has a context of its own
        while (!Lifecycle.AbortRequested)
        {
            // Both are asked: the notice of a cancellation may have been taken before its sequence arrived, which then knows itself.
            if (TakeArrivals() | Inbox.TakeCancellations()) _scheduler!.RemoveCancelled(_onRemoved);
            _cache!.KeepShare();
            Checks.Answer(_scheduler!);
            var embedded = embedding is null ? 0 : Embeddings.Step(embedding, shed);
            if (embedded > 0) Metrics.EmbeddingTokens(embedded);
            if (!_scheduler!.IsIdle)
            {
                _executor!.Step();
            }
            else if (Embeddings.Count > 0)
            {
                continue;
            }
            else if (Lifecycle.State != EngineState.Draining)
            {
                Inbox.Wait();
            }
            else if (Inbox.Count == 0)
            {
                return;
            }
        }
    }

    /// <summary>Hands the arrivals to the scheduler; true when one of them is cancelled already.</summary>
    private bool TakeArrivals()
    {
        var anyCancelled = false;
        while (Inbox.TryTake(out var sequence))
        {
            _logger.Arrived(sequence.Request.Id, sequence.PromptLength);
            _scheduler!.Add(sequence);
            anyCancelled |= sequence.IsCancelled;
            if (sequence.ReplayEnd is not { } reason) continue;

            // The emitted tokens of a resumed request were the whole generation.
            sequence.Output.Start(sequence.PromptLength, 0, sequence.CacheExplanation);
            _scheduler.Finish(sequence, reason);
            _logger.Finished(sequence.Request.Id, sequence.Generated, reason);
        }

        return anyCancelled;
    }

    private void FailTheRest()
    {
        var (error, message) = Lifecycle.State == EngineState.Failed
            ? (GenerationError.RuntimeFailed, "The inference engine has failed.")
            : (GenerationError.Draining, "The server is stopping.");
        Embeddings.FailAll(error, message);
        if (_scheduler is not { } scheduler) return;
        while (Inbox.TryTake(out var sequence)) scheduler.Add(sequence);
        scheduler.Abandon(error, message);
    }

    private void OnCancelled(Sequence sequence)
    {
        Metrics.Cancelled();
        _logger.Cancelled(sequence.Request.Id, sequence.Generated);
    }
}
