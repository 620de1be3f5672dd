using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;

namespace Gemma3Server.Pool;

/// <summary>Keeps models in memory for the requests that name them: loads on demand, one at a time, and unloads what has been idle longest.</summary>
/// <remarks>
/// <para>Thread-safe. Nobody waits for a load but those who asked for that model: a loaded model is lent at once, whatever else is going on.</para>
/// <para>A model that is lent is busy and is never unloaded for another one. A load that nobody waits for any more is dropped while it is in
/// the queue; one that is under way ends, and the model is idle.</para>
/// </remarks>
internal sealed partial class ModelPool : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly PoolBooks _books = new();
    private readonly ModelLoads _loads;
    private readonly ModelsSettings _settings;
    private readonly TimeProvider _timeProvider;
    private readonly ILogger _logger;
    private readonly PoolStart _start = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _work = Task.CompletedTask;
    private bool _working;

    public ModelPool(IModelLoader loader, ModelsSettings settings, TimeProvider timeProvider, ILogger<ModelPool> logger)
    {
        (_settings, _timeProvider, _logger) = (settings, timeProvider, logger);
        _loads = new(this, _books, _gate, loader, settings, timeProvider, logger);
    }

    /// <summary>Whether the server stops.</summary>
    public bool IsStopping { get; private set; }

    /// <summary>Completes when the models of the start are loaded, as far as they can be; faults when the default model cannot be.</summary>
    public Task Started => _start.Done;

    /// <summary>Completes when the default model could not be loaded at the start, or its engine has failed: the server is of no use then.</summary>
    public Task Lost => _start.Lost;

    /// <summary>Completes when something has changed that a load may wait for. Asked for under the lock, as is their number.</summary>
    internal Task Changed => _changed.Task;

    /// <summary>Changes so far.</summary>
    internal long Changes { get; private set; }

    /// <summary>Begins to load the models of the start; requests for these are refused until that has ended.</summary>
    /// <param name="models">The default model first.</param>
    public void Start(IReadOnlyList<ServedModel> models)
    {
        lock (_gate)
        {
            _start.Begin(models);
            foreach (var model in models)
            {
                var slot = _books.SlotOf(model);
                (slot.IsStarting, slot.IsWanted) = (true, true);
                Enqueue(slot);
            }
        }
    }

    /// <summary>
    /// Lends a model, which stays busy until the lease is disposed; loads it first where that is needed. Otherwise says why there is none.
    /// </summary>
    public async Task<(ModelLease? Lease, OpenAiError? Error)> AcquireAsync(ServedModel model, CancellationToken cancellationToken)
    {
        Waiter waiter;
        lock (_gate)
        {
            if (IsStopping) return (null, PoolErrors.Draining);
            var slot = _books.SlotOf(model);
            if (slot.IsStarting) return (null, PoolErrors.Starting);
            if (slot.State == ModelState.Loaded) return (Lend(slot), null);
            if (slot.State == ModelState.Failed && _timeProvider.GetTimestamp() < slot.RetryAt) return (null, slot.Error);
            if (slot.Waiters.Count >= model.MostWaiting) return (null, PoolErrors.TooManyWait(model.Id, slot.Waiters.Count));
            waiter = new(slot);
            slot.Waiters.Add(waiter);
            Enqueue(slot);
        }

        await using var registration = cancellationToken.UnsafeRegister(_ => Withdraw(waiter, cancellationToken), null);
        return await waiter.Result;
    }

    /// <summary>Where a model stands.</summary>
    public ModelStatus StatusOf(ServedModel model)
    {
        lock (_gate) return (_books.Find(model) ?? new(model)).Status;
    }

    /// <summary>What a request that waits for a model waits for, in a few words.</summary>
    public string DescribeWait(ServedModel model)
    {
        lock (_gate) return (_books.Find(model) ?? new(model)).Wait;
    }

    /// <summary>Why the server is not ready; null when it is.</summary>
    public OpenAiError? Unavailability
    {
        get
        {
            lock (_gate)
            {
                if (IsStopping) return PoolErrors.Draining;
                if (!_start.IsOver) return PoolErrors.Starting;
                return _start.Models.Select(_books.Find).FirstOrDefault(slot => slot?.State == ModelState.Failed)?.Error;
            }
        }
    }

    /// <summary>All that is loaded or being loaded.</summary>
    public IReadOnlyList<IModelInstance> Instances
    {
        get
        {
            lock (_gate) return [.. _books.Slots.Select(slot => slot.Instance).OfType<IModelInstance>()];
        }
    }

    /// <summary>What is loaded, or being loaded, of a model.</summary>
    public IModelInstance? InstanceOf(ServedModel model)
    {
        lock (_gate) return _books.Find(model)?.Instance;
    }

    /// <summary>Makes a model stay loaded, or no longer.</summary>
    public void Pin(ServedModel model, bool pinned)
    {
        lock (_gate)
        {
            var slot = _books.SlotOf(model);
            slot.IsPinned = pinned;
            Disarm(slot);
            if (slot.IsIdle) Rest(slot);
            Pulse();
        }
    }

    /// <summary>
    /// Unloads a model once its last request has ended; new ones load it again. Completes when it is gone, at once where it is not loaded;
    /// false while it is being loaded.
    /// </summary>
    public async Task<bool> UnloadAsync(ServedModel model, CancellationToken cancellationToken)
    {
        Task gone;
        lock (_gate)
        {
            if (_books.Find(model) is not { } slot) return true;
            if (slot.State == ModelState.Failed) slot.State = ModelState.Unloaded;
            if (slot.State == ModelState.Loading) return false;
            if (slot.State == ModelState.Unloaded) return true;
            gone = BeginUnload(slot);
        }

        await gone.WaitAsync(cancellationToken);
        return true;
    }

    /// <summary>
    /// Refuses new requests, and ends all models; their running requests may finish for at most <paramref name="timeout"/>. May be called
    /// again; the shortest timeout counts.
    /// </summary>
    public async Task StopAsync(TimeSpan timeout)
    {
        List<IModelInstance> instances = [];
        Task work;
        lock (_gate)
        {
            IsStopping = true;
            foreach (var slot in _books.Slots)
            {
                Disarm(slot);
                if (slot.Instance is { } instance) instances.Add(instance);
                foreach (var waiter in slot.Waiters) waiter.Refuse(PoolErrors.Draining);
                slot.Waiters.Clear();
                slot.IsWanted = false;
                _books.Dequeue(slot);
            }

            Pulse();
            work = _work;
        }

        await Task.WhenAll(instances.Select(instance => instance.StopAsync(timeout)));
        await work;
        _start.Cancel();
    }

    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero);

    /// <summary>Throws when the books contradict themselves.</summary>
    internal void CheckIntegrity()
    {
        lock (_gate) _books.CheckIntegrity(_settings.MostLoaded);
    }

    /// <summary>Begins to unload a loaded model; under the lock. It goes when it is idle. The task completes when it is gone.</summary>
    internal Task BeginUnload(ModelSlot slot)
    {
        if (slot.Gone is { } already) return already.Task;
        slot.State = ModelState.Unloading;
        slot.Gone = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Disarm(slot);
        if (slot.Leases == 0) End(slot);
        return slot.Gone.Task;
    }

    private void Enqueue(ModelSlot slot)
    {
        _books.Enqueue(slot);
        Pulse();
        if (_working) return;
        _working = true;
        _work = Task.Run(WorkAsync);
    }

    private async Task WorkAsync()
    {
        while (true)
        {
            ModelSlot? slot;
            lock (_gate)
            {
                slot = _books.Next();
                _working = slot is not null;
            }

            if (slot is null) return;
            Settle(slot, await _loads.LoadAsync(slot));
        }
    }

    private void Settle(ModelSlot slot, LoadOutcome outcome)
    {
        lock (_gate)
        {
            var wasStarting = slot.IsStarting;
            if (outcome == LoadOutcome.Postponed || (outcome == LoadOutcome.Abandoned && slot.Waiters.Count > 0))
            {
                // Others go first, or somebody has come after all.
                _books.Postpone(slot);
                return;
            }

            if (outcome.State == ModelState.Loaded) slot.Generation++;
            else if (slot.Gone is null) slot.Instance = null;
            _books.Settle(slot, slot.Gone is null ? outcome.State : ModelState.Unloading); // the server stops before its earlier end has come
            slot.KeepAlive = slot.Model.KeepAlive;
            if (outcome.State == ModelState.Failed)
            {
                (slot.Failure, slot.Error) = (outcome.Cause?.Message ?? outcome.Error!.Message, outcome.Error);
                slot.RetryAt = _timeProvider.GetTimestamp() + (long)(PoolErrors.Retry.TotalSeconds * _timeProvider.TimestampFrequency);
            }

            foreach (var waiter in slot.Waiters)
            {
                if (outcome.State == ModelState.Loaded) waiter.Lend(Lend(slot));
                else waiter.Refuse(outcome.Error!);
            }

            slot.Waiters.Clear();
            if (outcome.State == ModelState.Loaded)
            {
                _books.Use(slot);
                if (slot.Leases == 0) Rest(slot);
                var (instance, generation) = (slot.Instance!, slot.Generation);
                _ = Task.Run(() => WatchAsync(slot, instance, generation));
            }

            if (wasStarting && !IsStopping) _start.Note(slot, outcome);
            Pulse();
        }
    }

    private ModelLease Lend(ModelSlot slot)
    {
        slot.Leases++;
        Disarm(slot);
        _books.Use(slot);
        return new(slot, slot.Instance!, Release);
    }

    private void Release(ModelLease lease)
    {
        lock (_gate)
        {
            var slot = lease.Slot;
            if (slot.Generation != lease.Generation || slot.Leases == 0) return; // its engine has failed meanwhile
            slot.Leases--;
            _books.Use(slot);
            if (lease.KeepAlive is { } keepAlive) slot.KeepAlive = keepAlive;
            if (slot.Leases > 0) return;
            if (slot.State == ModelState.Unloading) End(slot);
            else Rest(slot);
            Pulse();
        }
    }

    /// <summary>A model has become idle: its time runs, or is up.</summary>
    private void Rest(ModelSlot slot)
    {
        if (slot.IsPinned || IsStopping || slot.KeepAlive.Time is not { } time) return;
        if (time == TimeSpan.Zero)
        {
            LogExpired(slot.Model.Id, slot.KeepAlive);
            BeginUnload(slot);
        }
        else
        {
            var generation = slot.Generation;
            slot.Expiry = _timeProvider.CreateTimer(_ => Expire(slot, generation), null, time, Timeout.InfiniteTimeSpan);
        }
    }

    private void Expire(ModelSlot slot, int generation)
    {
        lock (_gate)
        {
            // A timer that was disposed may have fired already.
            if (slot.Expiry is null || slot.Generation != generation || !slot.IsIdle || slot.IsPinned || IsStopping) return;
            LogExpired(slot.Model.Id, slot.KeepAlive);
            BeginUnload(slot);
        }
    }

    private static void Disarm(ModelSlot slot)
    {
        slot.Expiry?.Dispose();
        slot.Expiry = null;
    }

    private void Withdraw(Waiter waiter, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!waiter.Slot.Waiters.Remove(waiter)) return; // it has its answer
            waiter.Cancel(cancellationToken);
            _books.Dequeue(waiter.Slot);
            Pulse();
        }
    }

    /// <summary>Ends a model on another thread: the caller holds the lock, and looks at the slot afterwards.</summary>
    private void End(ModelSlot slot)
    {
        var instance = slot.Instance!;
        _ = Task.Run(() => EndAsync(slot, instance));
    }

    private async Task EndAsync(ModelSlot slot, IModelInstance instance)
    {
        await instance.StopAsync(TimeSpan.Zero);
        TaskCompletionSource? gone;
        lock (_gate)
        {
            slot.Instance = null;
            slot.State = slot.IsQueued ? ModelState.Loading : ModelState.Unloaded;
            (gone, slot.Gone) = (slot.Gone, null);
            Pulse();
        }

        LogUnloaded(slot.Model.Id);
        gone?.SetResult();
    }

    /// <summary>A model whose engine fails later is gone; whoever holds it is told by the engine.</summary>
    private async Task WatchAsync(ModelSlot slot, IModelInstance instance, int generation)
    {
        await instance.Ended;
        if (instance.Failure is not { } failure) return;
        await instance.StopAsync(TimeSpan.Zero);
        lock (_gate)
        {
            if (slot.Generation != generation || IsStopping) return;
            _start.NoteFailure(slot);
            if (slot.State != ModelState.Loaded) return;
            Disarm(slot);
            slot.Instance = null;
            slot.Leases = 0;
            slot.Generation++;
            slot.State = ModelState.Failed;
            (slot.Failure, slot.Error) = (failure.Message, PoolErrors.Failed(slot.Model.Id, failure.Message));
            Pulse();
        }
    }

    private void Pulse()
    {
        Changes++;
        _changed.TrySetResult();
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [LoggerMessage(LogLevel.Information, "Model {Model} was not used for {KeepAlive} and is unloaded")]
    private partial void LogExpired(string model, KeepAlive keepAlive);

    [LoggerMessage(LogLevel.Information, "Model {Model} is unloaded")]
    private partial void LogUnloaded(string model);
}
