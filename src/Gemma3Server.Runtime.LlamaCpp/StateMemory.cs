using System.Buffers;
using Gemma3Server.Runtime.LlamaCpp.Handles;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>A snapshot's bytes, in native memory that goes back to its pool when the snapshot is disposed of; that of a forgotten one is freed.</summary>
internal sealed unsafe class StateMemory(StatePool pool, NativeBuffer buffer, int length, bool isKept) : MemoryManager<byte>
{
    private NativeBuffer? _buffer = buffer;

    /// <inheritdoc/>
    public override Span<byte> GetSpan() => new(Buffer.Ensure(0), length);

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)length);
        return new(Buffer.Ensure(0) + elementIndex, default, this);
    }

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (Interlocked.Exchange(ref _buffer, null) is { } buffer) pool.Return(buffer, isKept);
    }

    private NativeBuffer Buffer => _buffer ?? throw new ObjectDisposedException(nameof(SequenceSnapshot));
}
