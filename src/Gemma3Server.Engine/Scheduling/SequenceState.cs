namespace Gemma3Server.Engine.Scheduling;

/// <summary>Where a sequence is in its life.</summary>
internal enum SequenceState
{
    /// <summary>Waits for a sequence id; nothing of it has been computed.</summary>
    Waiting,

    /// <summary>Holds a sequence id: prefill or decode.</summary>
    Running,

    /// <summary>Lost its sequence id for want of cells; waits, and goes on where it was: from host memory, or computed again.</summary>
    Preempted,

    /// <summary>Ended in whatever way; holds nothing.</summary>
    Finished,
}
