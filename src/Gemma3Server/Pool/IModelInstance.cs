namespace Gemma3Server.Pool;

/// <summary>A model in memory, or on its way there.</summary>
/// <remarks>All members are thread-safe. The pool that started it stops it.</remarks>
internal interface IModelInstance
{
    /// <summary>Completes when it is loaded; faults with the reason when it cannot be, is cancelled when it was stopped before.</summary>
    Task Ready { get; }

    /// <summary>Completes, never faults, when it is gone, for whatever reason; its memory is then free.</summary>
    Task Ended { get; }

    /// <summary>Why it has ended by itself; null otherwise.</summary>
    Exception? Failure { get; }

    /// <summary>The share of its weights that has been read, 0 to 1.</summary>
    double Progress { get; }

    /// <summary>What it takes, once loaded.</summary>
    MemorySize Taken { get; }

    /// <summary>Layers that are on the host since no GPU has room for them, once loaded; 0 where the settings say how many, or there is no GPU.</summary>
    int HostLayers { get; }

    /// <summary>Ends it; what runs may finish for at most <paramref name="timeout"/>. May be repeated: the shortest timeout counts.</summary>
    Task StopAsync(TimeSpan timeout);

    /// <summary>Fails what runs after a fault in native code, without touching that again.</summary>
    Task AbandonAsync(Exception fault);
}
