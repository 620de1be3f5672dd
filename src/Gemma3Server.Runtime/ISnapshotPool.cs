namespace Gemma3Server.Runtime;

/// <summary>A runtime that keeps the memory of disposed snapshots, and of copies between sequences, for the next ones.</summary>
/// <remarks>Called by the thread that uses the runtime.</remarks>
public interface ISnapshotPool
{
    /// <summary>
    /// Frees what is kept beyond <paramref name="bytes"/>, and bounds it from now on: together with the snapshots that live it takes no more. Before the
    /// first call the bound is 0. The memory of one copy between sequences may stay beyond it, since every such copy needs it again; a call frees that too.
    /// </summary>
    void LimitSnapshots(long bytes);
}
