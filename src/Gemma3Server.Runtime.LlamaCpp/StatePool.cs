using Gemma3Server.Runtime.LlamaCpp.Handles;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>
/// Native memory for snapshots and copies, used again: fresh memory of hundreds of MiB costs a page fault every 4 KiB, and pinning it more than the copy.
/// </summary>
/// <remarks>
/// What lies idle and what is rented take no more than the limit together, or nothing lies idle. Thread-safe, since whoever has a snapshot may dispose
/// of it anywhere; memory is freed outside the lock, for a driver may take its time.
/// </remarks>
internal sealed class StatePool(nint pinnedType) : IDisposable
{
    /// <summary>Buffers that are kept: one snapshot goes as another comes, a swap takes two, and a copy of a part two.</summary>
    private const int MostIdle = 4;

    private readonly Lock _gate = new();
    private readonly List<NativeBuffer> _idle = [];
    private long _limit;

    /// <summary>Bytes that lie idle.</summary>
    public long IdleBytes { get; private set; }

    /// <summary>Bytes of all memory that is rented.</summary>
    public long RentedBytes { get; private set; }

    /// <summary>Bounds what lies idle and is rented together; see <see cref="ISnapshotPool.LimitSnapshots"/>.</summary>
    public void Limit(long bytes)
    {
        lock (_gate) _limit = bytes;
        Trim();
    }

    /// <summary>Memory of <paramref name="length"/> bytes, with anything in it; <see langword="null"/> when there is none.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="isKept">Whether it is kept for a while, so that it shall hardly be larger: budgets count what is in it.</param>
    public StateMemory? Rent(int length, bool isKept)
    {
        var size = Rounded(length);
        if (TakeIdle(length, isKept ? size : long.MaxValue) is { } idle) return new(this, idle, length);
        lock (_gate) RentedBytes += size;
        Trim();
        do
        {
            var buffer = new NativeBuffer(pinnedType);
            try
            {
                unsafe
                {
                    buffer.Ensure(size);
                }

                return new(this, buffer, length);
            }
            catch (OutOfMemoryException)
            {
                buffer.Dispose();
            }
        }
        while (FreeOldest(beyondLimitOnly: false));

        lock (_gate) RentedBytes -= size;
        return null;
    }

    /// <summary>Takes memory back.</summary>
    public void Return(NativeBuffer buffer)
    {
        lock (_gate)
        {
            RentedBytes -= buffer.Capacity;
            IdleBytes += buffer.Capacity;
            _idle.Add(buffer);
        }

        Trim();
    }

    /// <summary>Frees what lies idle; what is rented is freed when it comes back.</summary>
    public void Dispose() => Limit(0);

    /// <summary>Throws when the sums are wrong, or the limit is not kept.</summary>
    public void CheckIntegrity()
    {
        lock (_gate)
        {
            var sound = _idle.Sum(static buffer => buffer.Capacity) == IdleBytes && RentedBytes >= 0 && _idle.Count <= MostIdle
                && (IdleBytes == 0 || IdleBytes + RentedBytes <= _limit);
            if (!sound) throw new InvalidOperationException("State pool integrity: what lies idle does not keep the limit.");
        }
    }

    private void Trim()
    {
        while (FreeOldest(beyondLimitOnly: true))
        {
        }
    }

    /// <summary>Frees the idle buffer that was used least recently, for sizes change with the load; false when there is none, or none beyond the limit.</summary>
    private bool FreeOldest(bool beyondLimitOnly)
    {
        NativeBuffer oldest;
        lock (_gate)
        {
            if (_idle.Count == 0 || (beyondLimitOnly && _idle.Count <= MostIdle && IdleBytes + RentedBytes <= _limit)) return false;
            oldest = _idle[0];
            _idle.RemoveAt(0);
            IdleBytes -= oldest.Capacity;
        }

        oldest.Dispose();
        return true;
    }

    /// <summary>The smallest idle buffer of so many bytes; it is rented then.</summary>
    private NativeBuffer? TakeIdle(long least, long most)
    {
        lock (_gate)
        {
            NativeBuffer? best = null;
            foreach (var buffer in _idle)
            {
                if (buffer.Capacity >= least && buffer.Capacity <= most && (best is null || buffer.Capacity < best.Capacity)) best = buffer;
            }

            if (best is null) return null;
            _idle.Remove(best);
            IdleBytes -= best.Capacity;
            RentedBytes += best.Capacity;
            return best;
        }
    }

    /// <summary>An eighth more at most, so that a buffer serves states that are a little longer.</summary>
    private static long Rounded(int length)
    {
        var step = Math.Max(4096, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length) / 16);
        return (length + step - 1) / step * step;
    }
}
