using Gemma3Server.Hosting;

namespace Gemma3Server.Pool;

/// <summary>Which models there are, and where each stands. Pure bookkeeping: the pool acts, and holds its lock around every call.</summary>
internal sealed class PoolBooks
{
    private readonly Dictionary<string, ModelSlot> _slots = new(StringComparer.Ordinal);
    private readonly LinkedList<ModelSlot> _queue = [];
    private long _uses;

    /// <summary>Every model that has been asked for.</summary>
    public IReadOnlyCollection<ModelSlot> Slots => _slots.Values;

    /// <summary>The one whose load is under way.</summary>
    public ModelSlot? Current { get; private set; }

    /// <summary>The slot of a model; made for the first call. An id that means another file now gets that one, once the old one is not in use.</summary>
    public ModelSlot SlotOf(ServedModel model)
    {
        if (!_slots.TryGetValue(model.Id, out var slot)) _slots[model.Id] = slot = new(model);
        else if (slot is { Instance: null, IsQueued: false } && slot.Model.Options.Model.Path != model.Options.Model.Path) slot.Replace(model);
        return slot;
    }

    /// <summary>The slot of a model that has been asked for; null otherwise.</summary>
    public ModelSlot? Find(ServedModel model) => _slots.GetValueOrDefault(model.Id);

    /// <summary>Puts a model's load at the end of the queue, unless it is in it.</summary>
    public void Enqueue(ModelSlot slot)
    {
        if (slot.IsQueued) return;
        slot.IsQueued = true;
        if (slot.State != ModelState.Unloading) slot.State = ModelState.Loading;
        _queue.AddLast(slot);
    }

    /// <summary>Takes a load that nobody wants any more out of the queue; one that is under way stays.</summary>
    public void Dequeue(ModelSlot slot)
    {
        if (slot == Current || slot.IsWanted || slot.Waiters.Count > 0 || !_queue.Remove(slot)) return;
        (slot.IsQueued, slot.RoomDeadline, slot.Need) = (false, null, null);
        if (slot.State == ModelState.Loading) slot.State = ModelState.Unloaded;
    }

    /// <summary>Puts the load that is under way to the end of the queue.</summary>
    public void Postpone(ModelSlot slot)
    {
        Current = null;
        _queue.AddLast(slot);
        Dequeue(slot);
    }

    /// <summary>Whether a load in the queue should be looked at: something has changed since it was, or its time is up.</summary>
    public bool IsAnotherDue(long changes, long now) => _queue.Any(slot => slot.SeenChanges != changes || slot.RoomDeadline <= now);

    /// <summary>When the first of the loads that wait for room has waited long enough.</summary>
    public long NextRoomDeadline(long own) => _queue.Min(slot => slot.RoomDeadline) is { } other ? Math.Min(own, other) : own;

    /// <summary>The next load, which is then under way; null when the queue is empty.</summary>
    public ModelSlot? Next()
    {
        Current = _queue.First?.Value;
        if (Current is not null) _queue.RemoveFirst();
        return Current;
    }

    /// <summary>Ends the load that is under way.</summary>
    public void Settle(ModelSlot slot, ModelState state)
    {
        Current = null;
        slot.State = state;
        (slot.IsQueued, slot.IsWanted, slot.IsStarting, slot.RoomDeadline, slot.Need) = (false, false, false, null, null);
    }

    /// <summary>Notes a use.</summary>
    public void Use(ModelSlot slot) => slot.LastUsed = ++_uses;

    /// <summary>The idle model that was used least recently and may go; null when there is none.</summary>
    public ModelSlot? LeastRecentlyUsed() => _slots.Values.Where(slot => slot.IsIdle && !slot.IsPinned).MinBy(slot => slot.LastUsed);

    /// <summary>Whether an idle model is just giving its memory back.</summary>
    public bool IsUnloadingOne() => _slots.Values.Any(slot => slot is { State: ModelState.Unloading, Leases: 0 });

    /// <summary>Whether a model is still going to give memory back: it goes, or is busy and may go afterwards.</summary>
    public bool SomeWillGo() => _slots.Values.Any(slot => slot.State == ModelState.Unloading || (slot is { State: ModelState.Loaded, IsPinned: false }));

    /// <summary>Models that take memory beside the one that is to be loaded.</summary>
    public int CountLoaded() => _slots.Values.Count(IsLoaded);

    /// <summary>What those take.</summary>
    public MemorySize Taken() => Sum(IsLoaded);

    /// <summary>What of that can be given back.</summary>
    public MemorySize Evictable() => Sum(slot => slot.State == ModelState.Unloading || slot is { State: ModelState.Loaded, IsPinned: false });

    /// <summary>Throws when the books contradict themselves.</summary>
    public void CheckIntegrity(int mostLoaded)
    {
        foreach (var slot in _slots.Values)
        {
            var name = slot.Model.Id;
            var isLoading = slot.State == ModelState.Loading && slot.Instance is not null;
            Assert(!isLoading || slot == Current, $"{name} loads alone");
            Assert(!IsLoaded(slot) || slot.Instance is not null, $"{name} is {slot.State} with something loaded");
            Assert(slot.State is not (ModelState.Unloaded or ModelState.Failed) || slot is { Instance: null, Leases: 0, IsQueued: false }, $"{name} is {slot.State} and holds nothing");
            Assert(slot.Leases >= 0 && (slot.Leases == 0 || IsLoaded(slot)), $"{name} is held only while it is loaded");
            Assert(slot.IsQueued == (slot == Current || _queue.Contains(slot)), $"{name} is in the queue when it says so");
            Assert(slot.State != ModelState.Loading || slot.IsQueued, $"{name} is to be loaded by somebody");
            Assert(slot.Waiters.Count == 0 || slot.IsQueued, $"somebody loads {name}, for which requests wait");
            Assert(slot.Expiry is null || slot is { IsIdle: true, IsPinned: false }, $"the time of {name} runs only while it is idle");
            Assert((slot.State == ModelState.Unloading) == (slot.Gone is not null), $"whoever waits for the end of {name} is told");
        }

        Assert(mostLoaded == 0 || CountLoaded() + (Current?.State == ModelState.Loading && Current.Instance is not null ? 1 : 0) <= mostLoaded, "no more models are loaded than allowed");
    }

    private static bool IsLoaded(ModelSlot slot) => slot.State is ModelState.Loaded or ModelState.Unloading;

    private MemorySize Sum(Func<ModelSlot, bool> chosen) => _slots.Values.Where(chosen).Aggregate(default(MemorySize), (sum, slot) => sum + slot.Instance!.Taken);

    private static void Assert(bool condition, string rule)
    {
        if (!condition) throw new InvalidOperationException($"Model pool integrity: violated rule: {rule}.");
    }
}
