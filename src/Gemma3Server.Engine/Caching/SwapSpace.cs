using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>The sequences whose state was moved to host memory for want of cells, until they go on or end.</summary>
/// <remarks>
/// Their bytes count under <see cref="EngineOptions.HostCacheBytes"/>, before those of prefixes: a client waits for the one, the other may
/// never be asked for. Bookkeeping only; the copies are the business of <see cref="HostMemory"/>.
/// </remarks>
internal sealed class SwapSpace
{
    private readonly List<Sequence> _sequences = [];

    /// <summary>Bytes of all snapshots.</summary>
    public long Bytes { get; private set; }

    /// <summary>Keeps a sequence's state.</summary>
    public void Put(Sequence sequence, SequenceSnapshot snapshot)
    {
        sequence.Swapped = snapshot;
        _sequences.Add(sequence);
        Bytes += snapshot.Data.Length;
    }

    /// <summary>Forgets a sequence's state: it has been brought back, or is of no use any more.</summary>
    public void Remove(Sequence sequence)
    {
        if (sequence.Swapped is not { } snapshot) return;
        sequence.Swapped = null;
        _sequences.Remove(sequence);
        Bytes -= snapshot.Data.Length;
        snapshot.Dispose();
    }

    /// <summary>Forgets the newest states until the others take no more than <paramref name="bytes"/>; their sequences are computed again.</summary>
    public void Trim(long bytes)
    {
        while (Bytes > bytes) Remove(_sequences[^1]);
    }

    /// <summary>Throws when the snapshots are not exactly those of <paramref name="waiting"/> sequences that gave up their cells.</summary>
    public void CheckIntegrity(List<Sequence> waiting)
    {
        var sound = _sequences.Sum(static s => (long)(s.Swapped?.Data.Length ?? 0)) == Bytes
            && _sequences.TrueForAll(s => s.State == SequenceState.Preempted && s.Swapped is { } kept && kept.Length < s.Count && waiting.Contains(s))
            && waiting.Count(static s => s.Swapped is not null) == _sequences.Count;
        if (!sound) throw new InvalidOperationException("Swap integrity: host memory and the sequences that wait for it disagree.");
    }
}
