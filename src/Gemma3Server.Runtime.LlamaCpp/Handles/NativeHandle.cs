using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Owns something of the native library.</summary>
/// <remarks>
/// After a failed assertion nothing is freed any more, by a finalizer neither: the thread that is held may hold locks of the library or of a
/// driver, and stand in the very thing. The process is to end then, and gives all of it back.
/// </remarks>
internal abstract class NativeHandle() : SafeHandle(0, ownsHandle: true)
{
    /// <inheritdoc/>
    public override bool IsInvalid => handle is 0 or -1;

    /// <summary>Frees it; called once.</summary>
    protected abstract void Free();

    /// <inheritdoc/>
    protected sealed override bool ReleaseHandle()
    {
        if (!NativeAbort.HasOccurred) Free();
        return true;
    }
}
