namespace Gemma3Server.Engine;

/// <summary>What became of a request that asked for a place in the queue.</summary>
internal enum Admission
{
    /// <summary>It has one.</summary>
    Admitted,

    /// <summary>There is no room.</summary>
    Full,

    /// <summary>The engine takes no requests now.</summary>
    Closed,
}
