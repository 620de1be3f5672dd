namespace Gemma3Server.Engine.Caching;

/// <summary>What became of a sequence that asked for an id.</summary>
internal enum CacheAnswer
{
    /// <summary>It has one.</summary>
    Acquired,

    /// <summary>All are in use.</summary>
    Full,

    /// <summary>It does better to wait: a running sequence is just computing what it would compute.</summary>
    Wait,
}
