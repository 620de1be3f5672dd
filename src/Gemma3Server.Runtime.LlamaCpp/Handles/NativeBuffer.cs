using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Reusable native memory for sequence states, which are too large to come and go on the managed heap.</summary>
/// <remarks>
/// A GPU copies to and from memory that its driver has pinned several times faster than to other memory; but pinning takes as long as a
/// slow copy, so such memory is kept.
/// </remarks>
/// <param name="pinnedType">The library's buffer type of pinned memory; 0 = ordinary memory.</param>
internal sealed unsafe class NativeBuffer(nint pinnedType = 0) : NativeHandle
{
    private nint _pinned;

    /// <summary>Bytes it has.</summary>
    public long Capacity { get; private set; }

    /// <summary>At least <paramref name="length"/> bytes; earlier contents are lost.</summary>
    /// <exception cref="OutOfMemoryException">There is no room; the buffer is then empty and may be asked again.</exception>
    public byte* Ensure(long length)
    {
        if (length > Capacity)
        {
            Free();
            SetHandle(0);
            Capacity = 0;
            SetHandle((nint)Allocate(length));
            Capacity = length;
        }

        return (byte*)handle;
    }

    protected override void Free()
    {
        if (pinnedType == 0) NativeMemory.Free((void*)handle);
        else if (_pinned != 0) GgmlBaseNative.ggml_backend_buffer_free(_pinned);
        _pinned = 0;
    }

    private void* Allocate(long length)
    {
        if (pinnedType == 0) return NativeMemory.Alloc((nuint)length);
        _pinned = GgmlBaseNative.ggml_backend_buft_alloc_buffer(pinnedType, (nuint)length); // ordinary memory where none can be pinned
        return _pinned != 0 ? GgmlBaseNative.ggml_backend_buffer_get_base(_pinned) : throw new InsufficientMemoryException();
    }
}
