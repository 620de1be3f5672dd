using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Reusable native memory for sequence states, which are too large to come and go on the managed heap.</summary>
internal sealed unsafe class NativeBuffer() : SafeHandle(0, ownsHandle: true)
{
    private long _length;

    public override bool IsInvalid => handle == 0;

    /// <summary>At least <paramref name="length"/> bytes; earlier contents are lost.</summary>
    /// <exception cref="OutOfMemoryException">There is no room; the buffer is then empty and may be asked again.</exception>
    public byte* Ensure(long length)
    {
        if (length > _length)
        {
            NativeMemory.Free((void*)handle);
            SetHandle(0);
            _length = 0;
            SetHandle((nint)NativeMemory.Alloc((nuint)length));
            _length = length;
        }

        return (byte*)handle;
    }

    protected override bool ReleaseHandle()
    {
        NativeMemory.Free((void*)handle);
        return true;
    }
}
