using Gemma3Server.Hosting;
using Gemma3Server.Runtime;

namespace Gemma3Server.Pool;

/// <summary>One load, from finding room to a model that answers.</summary>
/// <remarks>
/// The steps of <see cref="LoadAsync"/>:
/// <list type="number">
/// <item>a model that is just being unloaded is waited for;</item>
/// <item>its file says what it takes;</item>
/// <item>while that does not fit, the idle model that was used least recently goes; while all are busy, their end is waited for, for a time, and other loads go first;</item>
/// <item>it is loaded. Where memory is missing all the same, another idle model goes, or it is made smaller, and tried again.</item>
/// </list>
/// One load at a time, by the pool's own task.
/// </remarks>
internal sealed partial class ModelLoads(ModelPool pool, PoolBooks books, Lock gate, IModelLoader loader, ModelsSettings settings, TimeProvider timeProvider, ILogger logger)
{
    public async Task<LoadOutcome> LoadAsync(ModelSlot slot)
    {
        try
        {
            // 1. Its own end, for which others that hold it may let it wait.
            while (true)
            {
                Task changed;
                lock (gate)
                {
                    if (slot.Gone is null) break;
                    if (pool.IsStopping) return LoadOutcome.Refused(PoolErrors.Draining);
                    (changed, slot.SeenChanges) = (pool.Changed, pool.Changes);
                    if (books.IsAnotherDue(pool.Changes, timeProvider.GetTimestamp())) return LoadOutcome.Postponed;
                }

                await changed;
            }

            // 2. to 4.
            slot.Need ??= loader.Need(slot.Model);
            var outcome = await FindRoomAsync(slot, slot.Need) ?? await StartAsync(slot, slot.Need);
            if (outcome is { State: ModelState.Failed, Error: { } error }) LogFailed(null, slot.Model.Id, error.Message);
            return outcome;
        }
        catch (Exception exception)
        {
            // A refused checkpoint says all in its message; the stack helps only with a fault of ours.
            LogFailed(exception is ModelLoadException ? null : exception, slot.Model.Id, exception.Message);
            return LoadOutcome.Failed(PoolErrors.Of(slot.Model.Id, exception), exception);
        }
    }

    /// <summary>
    /// Waits until there is room; null when there is, or when no more can be had and a smaller load is worth a try. While busy models are waited
    /// for, other loads, which may fit, have their turn.
    /// </summary>
    private async Task<LoadOutcome?> FindRoomAsync(ModelSlot slot, ModelNeed need)
    {
        while (true)
        {
            // Whatever changes from here on is looked at anew.
            MemorySize taken;
            Task changed;
            lock (gate) (taken, changed, slot.SeenChanges) = (books.Taken(), pool.Changed, pool.Changes);
            var free = loader.Free(taken);
            TimeSpan patience;
            lock (gate)
            {
                if (pool.IsStopping) return LoadOutcome.Refused(PoolErrors.Draining);
                if (slot.Waiters.Count == 0 && !slot.IsWanted) return LoadOutcome.Abandoned;
                var countFits = settings.MostLoaded == 0 || books.CountLoaded() < settings.MostLoaded;
                taken = books.Taken();
                if (countFits && need.Usual.FitsInto(free) && IsAllowed(need.Usual, taken)) return null;

                // Nobody is unloaded for a load that cannot succeed. Where nobody is loaded, the load itself says best what is missing.
                var evictable = books.Evictable();
                var most = Allowed(need, free + evictable, taken - evictable);
                if (need.LeastBytes > most.Total && (books.CountLoaded() > 0 || settings.MostBytes > 0))
                    return LoadOutcome.Failed(PoolErrors.TooLarge(slot.Model.Id, need.LeastBytes, most.Total));
                var goes = books.IsUnloadingOne(); // and perhaps that is enough
                if (!goes && books.LeastRecentlyUsed() is { } victim)
                {
                    LogEvicted(victim.Model.Id, slot.Model.Id);
                    pool.BeginUnload(victim);
                    goes = true;
                }

                if (!goes && !books.SomeWillGo()) return countFits ? null : LoadOutcome.Refused(PoolErrors.AllPinned(slot.Model.Id, settings.MostLoaded));
                var now = timeProvider.GetTimestamp();
                slot.RoomDeadline ??= now + (settings.RoomTimeout * timeProvider.TimestampFrequency);
                if (!goes && now >= slot.RoomDeadline) return LoadOutcome.Refused(PoolErrors.Busy(slot.Model.Id, settings.RoomTimeout));
                if (!goes && books.IsAnotherDue(pool.Changes, now)) return LoadOutcome.Postponed;

                // What has begun to go is waited for, whatever the time: it went for this.
                patience = goes ? Timeout.InfiniteTimeSpan : timeProvider.GetElapsedTime(now, books.NextRoomDeadline(slot.RoomDeadline.Value));
            }

            await changed.WaitAsync(patience, timeProvider).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private bool IsAllowed(MemorySize size, MemorySize beside) => settings.MostBytes == 0 || size.Total + beside.Total <= settings.MostBytes;

    /// <summary>
    /// What a load may take of what is free, so that host and GPU together stay within the bound. The host gets its usual part of that, and an
    /// eighth more than usual at least, since the planner leaves some of what it is given; the GPU the rest, and what it does not have the host.
    /// </summary>
    private MemorySize Allowed(ModelNeed need, MemorySize free, MemorySize beside)
    {
        if (settings.MostBytes == 0) return free;
        var left = Math.Max(0, settings.MostBytes - beside.Total);
        var part = Math.Max(9.0 / 8, (double)left / Math.Max(1, need.Usual.Total));
        var host = Math.Clamp((long)(need.Usual.Host * part), 0, Math.Clamp(free.Host, 0, left));
        var gpu = Math.Clamp(free.Gpu, 0, left - host);
        return new(Math.Min(free.Host, left - gpu), gpu);
    }

    private async Task<LoadOutcome> StartAsync(ModelSlot slot, ModelNeed need)
    {
        ModelLoadException? shortage = null;
        for (var shrink = 0; ;)
        {
            MemorySize taken;
            lock (gate) taken = books.Taken();
            var free = Allowed(need, loader.Free(taken), taken);
            IModelInstance instance;
            lock (gate)
            {
                if (pool.IsStopping) return LoadOutcome.Refused(PoolErrors.Draining);
                slot.RoomDeadline = null;
                slot.Instance = instance = loader.Start(slot.Model, shrink, free);
            }

            LogLoading(slot.Model.Id);
            try
            {
                await instance.Ready;
                LogLoaded(slot.Model.Id, instance.Taken.Host >> 20, instance.Taken.Gpu >> 20);
                if (instance.HostLayers > 0 && taken.Gpu > 0) LogCrowdedOut(slot.Model.Id, instance.HostLayers, taken.Gpu >> 20);
                return LoadOutcome.Loaded;
            }
            catch (OperationCanceledException)
            {
                return LoadOutcome.Refused(PoolErrors.Draining); // nothing else stops a load
            }
            catch (Exception exception)
            {
                await instance.StopAsync(TimeSpan.Zero);
                Task? gone;
                lock (gate)
                {
                    slot.Instance = null;

                    // Once memory was short, a smaller size that is wrong for this model is no answer.
                    shortage ??= exception as ModelLoadException;
                    if (shortage is not { IsForMemory: true }) throw;
                    gone = books.LeastRecentlyUsed() is { } victim ? pool.BeginUnload(victim) : null;
                }

                if (gone is null && !loader.CanShrink(slot.Model, ++shrink)) throw shortage;
                if (gone is null) LogShrinks(slot.Model.Id, exception.Message);
                else await gone;
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "Loading model {Model}")]
    private partial void LogLoading(string model);

    [LoggerMessage(LogLevel.Information, "Model {Model} is loaded: {HostMebibytes} MiB of host memory, {GpuMebibytes} MiB of GPU memory")]
    private partial void LogLoaded(string model, long hostMebibytes, long gpuMebibytes);

    [LoggerMessage(LogLevel.Information, "Model {Model} is unloaded to make room for {Next}")]
    private partial void LogEvicted(string model, string next);

    [LoggerMessage(LogLevel.Warning, "Model {Model} does not fit and is loaded smaller than configured: {Reason}")]
    private partial void LogShrinks(string model, string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "Model {Model} has {Layers} of its layers on the host, which is slower, since loaded models hold {GpuMebibytes} MiB of GPU memory. Those whose sizes are open "
        + "take what they can use: give them a Gemma3:Runtime:ContextLength and Gemma3:Runtime:Parallel, or those of Gemma3:Models:Serve")]
    private partial void LogCrowdedOut(string model, int layers, long gpuMebibytes);

    [LoggerMessage(LogLevel.Error, "Model {Model} could not be loaded: {Reason}")]
    private partial void LogFailed(Exception? exception, string model, string reason);
}
