namespace Gemma3Server.Engine;

/// <summary>Where a reused prefix came from.</summary>
public enum CacheSource
{
    /// <summary>Nothing was reused.</summary>
    None,

    /// <summary>From what a finished request had left: its sequence was taken over.</summary>
    Idle,

    /// <summary>From another sequence, running or not, which keeps it: it was copied or shared.</summary>
    Fork,

    /// <summary>From host memory.</summary>
    Host,
}
