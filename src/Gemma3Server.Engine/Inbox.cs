using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine;

/// <summary>How request threads reach the engine loop: arrivals, cancellations and other reasons to wake up.</summary>
/// <remarks>Thread-safe; its lock is held for a few instructions. The loop sleeps here when it has nothing to do.</remarks>
internal sealed class Inbox
{
    private readonly object _gate = new();
    private readonly Queue<Sequence> _arrivals = new();
    private long _admitted;
    private int _count;
    private bool _open;
    private bool _signalled;
    private bool _cancellations;

    /// <summary>Arrivals the loop has not taken yet.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Begins to take requests.</summary>
    public void Open()
    {
        lock (_gate) _open = true;
    }

    /// <summary>Takes no more requests; those that are in stay. May be repeated.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _open = false;
            Signal();
        }
    }

    /// <summary>Admits sequences, all or none, while with them no more than <paramref name="limit"/> are neither refused nor ended.</summary>
    public Admission Add(ReadOnlySpan<Sequence> sequences, int limit, long ended)
    {
        lock (_gate)
        {
            if (!_open) return Admission.Closed;
            if (_admitted - ended + sequences.Length > limit) return Admission.Full;
            _admitted += sequences.Length;
            foreach (var sequence in sequences) _arrivals.Enqueue(sequence);
            Volatile.Write(ref _count, _arrivals.Count);
            Signal();
            return Admission.Admitted;
        }
    }

    /// <summary>Takes the next arrival.</summary>
    public bool TryTake([NotNullWhen(true)] out Sequence? sequence)
    {
        sequence = null;
        if (Count == 0) return false;
        lock (_gate)
        {
            var taken = _arrivals.TryDequeue(out sequence);
            Volatile.Write(ref _count, _arrivals.Count);
            return taken;
        }
    }

    /// <summary>Tells the loop that a sequence was cancelled.</summary>
    public void NotifyCancelled()
    {
        Volatile.Write(ref _cancellations, true);
        Wake();
    }

    /// <summary>Whether a sequence was cancelled since the last call.</summary>
    public bool TakeCancellations() => Volatile.Read(ref _cancellations) && Interlocked.Exchange(ref _cancellations, false);

    /// <summary>Ends the loop's sleep, or its next one before it begins.</summary>
    public void Wake()
    {
        lock (_gate) Signal();
    }

    /// <summary>Sleeps until there is a reason to wake up.</summary>
    public void Wait()
    {
        lock (_gate)
        {
            while (!_signalled) Monitor.Wait(_gate);
            _signalled = false;
        }
    }

    private void Signal()
    {
        _signalled = true;
        Monitor.Pulse(_gate);
    }
}
