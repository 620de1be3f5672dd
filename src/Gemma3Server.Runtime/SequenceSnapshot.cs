namespace Gemma3Server.Runtime;

/// <summary>A sequence's state in host memory, opaque to everyone but the runtime that made it.</summary>
/// <remarks>Whoever keeps it disposes of it, once and last: its memory is then used for another.</remarks>
/// <param name="Scope">Which layers it holds.</param>
/// <param name="Length">The sequence's length when it was taken, in positions.</param>
/// <param name="Data">The runtime's own format; not to be read any more after <see cref="Dispose"/>.</param>
/// <param name="Checksum">The runtime's checksum of <paramref name="Data"/>: a native library may accept damaged bytes.</param>
/// <param name="Memory">What gives the memory of <paramref name="Data"/> back; <see langword="null"/> where it is the managed heap's.</param>
public sealed record SequenceSnapshot(SnapshotScope Scope, int Length, ReadOnlyMemory<byte> Data, ulong Checksum, IDisposable? Memory = null) : IDisposable
{
    /// <summary>Gives the memory back.</summary>
    public void Dispose() => Memory?.Dispose();
}
