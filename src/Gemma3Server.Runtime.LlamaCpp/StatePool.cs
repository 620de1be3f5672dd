using Gemma3Server.Runtime.LlamaCpp.Handles;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>
/// Native memory for snapshots and copies, used again: fresh memory of hundreds of MiB costs a page fault every 4 KiB, and pinning it more than the copy.
/// </summary>
/// <remarks>
/// What lies idle and what is rented take no more than the limit together, or nothing lies idle. Beyond that the largest buffer of a copy stays, for
/// copies alone: snapshots may fill the limit for hours, and each copy would get, and pin, fresh memory. Thread-safe, since whoever has a snapshot may
/// dispose of it anywhere; memory is freed outside the lock, for a driver may take its time.
/// </remarks>
internal sealed class StatePool(nint pinnedType) : IDisposable
{
    /// <summary>Buffers that are kept: one snapshot goes as another comes, a swap takes two, and a copy of a part two.</summary>
    private const int MostIdle = 4;

    private readonly Lock _gate = new();
    private readonly List<NativeBuffer> _idle = [];
    private NativeBuffer? _spare;
    private long _limit;
    private bool _disposed;

    /// <summary>Bytes that lie idle within the limit.</summary>
    public long IdleBytes { get; private set; }

    /// <summary>Bytes that lie ready for a copy beyond the limit.</summary>
    public long SpareBytes => _spare?.Capacity ?? 0;

    /// <summary>Bytes of all memory that is rented.</summary>
    public long RentedBytes { get; private set; }

    /// <summary>Bounds what lies idle and is rented together; see <see cref="ISnapshotPool.LimitSnapshots"/>.</summary>
    public void Limit(long bytes)
    {
        lock (_gate) _limit = bytes;
        Trim();
        FreeSpare();
    }

    /// <summary>Memory of <paramref name="length"/> bytes, with anything in it; <see langword="null"/> when there is none.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="isKept">Whether it is kept for a while, so that it shall hardly be larger: budgets count what is in it.</param>
    public StateMemory? Rent(int length, bool isKept)
    {
        var size = Rounded(length);
        var idle = TakeIdle(length, isKept, isKept ? size : long.MaxValue);
        if (idle is null)
        {
            lock (_gate) RentedBytes += size;
        }

        Trim();
        if (idle is not null) return new(this, idle, length, isKept);
        do
        {
            var buffer = new NativeBuffer(pinnedType);
            try
            {
                unsafe
                {
                    buffer.Ensure(size);
                }

                return new(this, buffer, length, isKept);
            }
            catch (OutOfMemoryException)
            {
                buffer.Dispose();
            }
        }
        while (FreeOldest(beyondLimitOnly: false) || FreeSpare());

        lock (_gate) RentedBytes -= size;
        return null;
    }

    /// <summary>Takes memory back.</summary>
    public void Return(NativeBuffer buffer, bool isKept)
    {
        lock (_gate)
        {
            RentedBytes -= buffer.Capacity;
            var idle = buffer;
            if (!isKept && !_disposed && buffer.Capacity > SpareBytes) (_spare, idle) = (buffer, _spare);
            if (idle is not null)
            {
                IdleBytes += idle.Capacity;
                _idle.Add(idle);
            }
        }

        Trim();
    }

    /// <summary>Frees what lies idle; what is rented is freed when it comes back.</summary>
    public void Dispose()
    {
        lock (_gate) _disposed = true;
        Limit(0);
    }

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

    private bool FreeSpare()
    {
        NativeBuffer? spare;
        lock (_gate) (spare, _spare) = (_spare, null);
        spare?.Dispose();
        return spare is not null;
    }

    /// <summary>The smallest idle buffer of so many bytes, or for a copy that which is spared for it; it is rented then.</summary>
    private NativeBuffer? TakeIdle(long least, bool isKept, long most)
    {
        lock (_gate)
        {
            if (!isKept && SpareBytes >= least)
            {
                var spare = _spare!;
                _spare = null;
                RentedBytes += spare.Capacity;
                return spare;
            }

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
