namespace Gemma3Server.Runtime;

/// <summary>A sequence's state in host memory, opaque to everyone but the runtime that made it.</summary>
/// <param name="Scope">Which layers it holds.</param>
/// <param name="Length">The sequence's length when it was taken, in positions.</param>
/// <param name="Data">The runtime's own format.</param>
/// <param name="Checksum">The runtime's checksum of <paramref name="Data"/>: a native library may accept damaged bytes.</param>
public sealed record SequenceSnapshot(SnapshotScope Scope, int Length, ReadOnlyMemory<byte> Data, ulong Checksum);
