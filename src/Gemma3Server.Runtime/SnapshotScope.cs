namespace Gemma3Server.Runtime;

/// <summary>Which part of a sequence's KV a snapshot holds.</summary>
public enum SnapshotScope
{
    /// <summary>All layers: enough to bring the sequence back into an empty id.</summary>
    Full,

    /// <summary>Only the sliding-window layers: a checkpoint, for a sequence whose global layers still hold the positions.</summary>
    SlidingWindow,
}
