namespace Gemma3Server.Testing;

/// <summary>Memory of a fake's snapshot: counted while it lives, and overwritten when it is given back, as a pool's is by the next snapshot.</summary>
internal sealed class SnapshotMemory : IDisposable
{
    private readonly FakeModelRuntime _runtime;
    private readonly byte[] _data;

    public SnapshotMemory(FakeModelRuntime runtime, byte[] data)
    {
        (_runtime, _data) = (runtime, data);
        runtime.LiveSnapshots++;
    }

    /// <summary>Whether it was given back.</summary>
    public bool IsDisposed { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this); // somebody else may have it by now
        IsDisposed = true;
        _runtime.LiveSnapshots--;
        Array.Fill(_data, (byte)0xAA);
    }
}
