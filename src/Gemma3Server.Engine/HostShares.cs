namespace Gemma3Server.Engine;

/// <summary>
/// The engines that share the host memory of <see cref="EngineOptions.CheckpointBytes"/> and <see cref="EngineOptions.HostCacheBytes"/>: each has an equal
/// part, however many models are loaded, since the machine's memory is one.
/// </summary>
/// <remarks>Thread-safe. Who has more than its part after another has come gives the rest back before its next step.</remarks>
public sealed class HostShares
{
    private readonly Lock _gate = new();
    private readonly List<Action> _members = [];
    private volatile int _count;

    /// <summary>Parts that there are now, at least one.</summary>
    public int Count => Math.Max(1, _count);

    /// <summary>Takes part.</summary>
    /// <param name="changed">Called, on any thread, when the number of parts has changed.</param>
    internal void Join(Action changed)
    {
        lock (_gate)
        {
            _members.Add(changed);
            Tell();
        }
    }

    /// <summary>Takes part no longer; harmless where it did not.</summary>
    internal void Leave(Action changed)
    {
        lock (_gate)
        {
            if (_members.Remove(changed)) Tell();
        }
    }

    private void Tell()
    {
        _count = _members.Count;
        foreach (var member in _members) member();
    }
}
