namespace Gemma3Server.Engine.Execution;

/// <summary>What gave way to a step that had no memory.</summary>
internal enum Concession
{
    /// <summary>What was only kept for later.</summary>
    Cache,

    /// <summary>Half of the rows.</summary>
    Rows,

    /// <summary>A running sequence.</summary>
    Sequence,

    /// <summary>Nothing but time: the same step is tried once more.</summary>
    Time,

    /// <summary>Nothing: the smallest step of one sequence alone is too large.</summary>
    None,
}
