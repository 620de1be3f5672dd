using System.Globalization;
using Gemma3Server.Api.Errors;
using Gemma3Server.Hosting;

namespace Gemma3Server.Pool;

/// <summary>One model and where it stands. Guarded by the pool's lock.</summary>
internal sealed class ModelSlot(ServedModel model)
{
    public ServedModel Model { get; private set; } = model;

    public ModelState State { get; set; }

    /// <summary>What is loaded or loading; null otherwise.</summary>
    public IModelInstance? Instance { get; set; }

    /// <summary>Counts loads, so that what belonged to an earlier one is told apart.</summary>
    public int Generation { get; set; }

    /// <summary>Whether it stays loaded whatever happens.</summary>
    public bool IsPinned { get; set; } = model.IsPinned;

    /// <summary>How long it stays after its last request.</summary>
    public KeepAlive KeepAlive { get; set; } = model.KeepAlive;

    /// <summary>Requests that hold it.</summary>
    public int Leases { get; set; }

    /// <summary>When it was used last, in uses of the pool.</summary>
    public long LastUsed { get; set; }

    /// <summary>Whether it is in the queue of loads, or at its head and being loaded.</summary>
    public bool IsQueued { get; set; }

    /// <summary>Whether it is to be loaded though nobody waits for it.</summary>
    public bool IsWanted { get; set; }

    /// <summary>Whether the server has just started, and its load is a part of that.</summary>
    public bool IsStarting { get; set; }

    /// <summary>When its load has waited for room long enough; a timestamp, null while it does not wait.</summary>
    public long? RoomDeadline { get; set; }

    /// <summary>The pool's changes when it was last looked whether there is room for it.</summary>
    public long SeenChanges { get; set; } = -1;

    /// <summary>What it takes, once its file has been looked at for the load under way.</summary>
    public ModelNeed? Need { get; set; }

    /// <summary>Requests that wait for it.</summary>
    public List<Waiter> Waiters { get; } = [];

    /// <summary>Unloads it when its time has come; null while it is in use, pinned or not loaded.</summary>
    public ITimer? Expiry { get; set; }

    /// <summary>Completes when it has been unloaded; null unless that is under way.</summary>
    public TaskCompletionSource? Gone { get; set; }

    /// <summary>Why it is failed, in one sentence.</summary>
    public string? Failure { get; set; }

    /// <summary>What clients are told of that.</summary>
    public OpenAiError? Error { get; set; }

    /// <summary>When a failed one may be tried again; a timestamp.</summary>
    public long RetryAt { get; set; }

    /// <summary>Where it stands.</summary>
    public ModelStatus Status => new(
        State,
        State == ModelState.Loading ? Instance?.Progress : null,
        State == ModelState.Failed ? Failure : null,
        IsPinned,
        Leases,
        State is ModelState.Loaded or ModelState.Unloading ? Instance?.Taken : null,
        KeepAlive);

    /// <summary>What a request that waits for it waits for, in a few words.</summary>
    public string Wait => RoomDeadline is not null
        ? "waiting for room"
        : State == ModelState.Loading && Instance is { } loading
            ? string.Create(CultureInfo.InvariantCulture, $"{loading.Progress * 100:0} %")
            : "waiting for another load";

    public bool IsIdle => State == ModelState.Loaded && Leases == 0;

    /// <summary>Its id means another file now; what failed was the old one. An order to pin it, or not to, holds.</summary>
    public void Replace(ServedModel other)
    {
        if (IsPinned == Model.IsPinned) IsPinned = other.IsPinned;
        (Model, KeepAlive, State) = (other, other.KeepAlive, ModelState.Unloaded);
    }
}
