using Gemma3Server.Runtime.LlamaCpp.Handles;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>
/// Native memory for snapshots, used again: fresh memory of hundreds of MiB costs a page fault every 4 KiB, and pinning it more than the copy.
/// </summary>
/// <remarks>Thread-safe, since whoever has a snapshot may dispose of it anywhere.</remarks>
internal sealed class StatePool(nint pinnedType) : IDisposable
{
    /// <summary>Buffers that are kept for the next snapshots: one goes as another comes, and a swap takes two.</summary>
    private const int MostFree = 2;

    private readonly Lock _gate = new();
    private readonly List<NativeBuffer> _free = [];
    private bool _disposed;

    /// <summary>Memory of <paramref name="length"/> bytes, with anything in it; <see langword="null"/> when there is none.</summary>
    public StateMemory? Rent(int length)
    {
        var buffer = TakeFree(length) ?? new NativeBuffer(pinnedType);
        try
        {
            unsafe
            {
                buffer.Ensure(Math.Max(length, buffer.Capacity > 0 ? buffer.Capacity : Rounded(length)));
            }

            return new(this, buffer, length);
        }
        catch (OutOfMemoryException)
        {
            buffer.Dispose();
            if (!Trim()) return null;
        }

        return Rent(length);
    }

    /// <summary>Takes memory back.</summary>
    public void Return(NativeBuffer buffer)
    {
        lock (_gate)
        {
            _free.Add(buffer);
            if (!_disposed && _free.Count <= MostFree) return;
            buffer = _free[0]; // the oldest: sizes change with the load
            _free.RemoveAt(0);
        }

        buffer.Dispose();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            Trim();
        }
    }

    /// <summary>Frees what lies idle; false when nothing does.</summary>
    private bool Trim()
    {
        lock (_gate)
        {
            var had = _free.Count > 0;
            foreach (var buffer in _free) buffer.Dispose();
            _free.Clear();
            return had;
        }
    }

    /// <summary>A free buffer that is large enough, and hardly larger: budgets count what is in it.</summary>
    private NativeBuffer? TakeFree(int length)
    {
        lock (_gate)
        {
            NativeBuffer? best = null;
            foreach (var buffer in _free)
            {
                if (buffer.Capacity >= length && buffer.Capacity <= Rounded(length) && (best is null || buffer.Capacity < best.Capacity)) best = buffer;
            }

            if (best is not null) _free.Remove(best);
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
