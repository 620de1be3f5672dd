namespace Gemma3Server.Runtime;

/// <summary>A runtime that keeps the memory of disposed snapshots, and of copies between sequences, for the next ones.</summary>
/// <remarks>Called by the thread that uses the runtime.</remarks>
public interface ISnapshotPool
{
    /// <summary>
    /// Bounds what is kept: together with the snapshots that live it takes no more than <paramref name="bytes"/>, from now on. 0, as before the first
    /// call, frees all that is kept.
    /// </summary>
    void LimitSnapshots(long bytes);
}
