using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>A flag in native memory that the library polls between the operations of a step.</summary>
/// <remarks>Set from any thread; freed after the context that reads it.</remarks>
internal sealed unsafe class AbortFlag : IDisposable
{
    private readonly Lock _gate = new();
    private int* _flag = (int*)NativeMemory.AllocZeroed(sizeof(int));

    public static delegate* unmanaged<void*, byte> Callback => &IsSet;

    public void* Pointer => _flag;

    public void Set()
    {
        lock (_gate)
        {
            if (_flag != null) Volatile.Write(ref *_flag, 1);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (!NativeAbort.HasOccurred) NativeMemory.Free(_flag); // else threads of the library may still read it
            _flag = null;
        }
    }

    [UnmanagedCallersOnly]
    private static byte IsSet(void* flag) => Volatile.Read(ref *(int*)flag) != 0 ? (byte)1 : (byte)0;
}
