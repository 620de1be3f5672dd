namespace Gemma3Server.Engine;

/// <summary>Why not all of the known part of a prompt was reused.</summary>
public enum CacheMiss
{
    /// <summary>It was; only the last token was computed again, for its logits.</summary>
    None,

    /// <summary>No earlier request began like this.</summary>
    NeverSeen,

    /// <summary>It was computed once, and has given way to others.</summary>
    Evicted,

    /// <summary>A sequence holds it, but its sliding-window layers are past it and there is no checkpoint.</summary>
    WindowLost,

    /// <summary>It is too short to be worth a copy, or what another conversation would lose.</summary>
    TooShort,

    /// <summary>The request, or the server's settings, forbid reuse.</summary>
    Disabled,

    /// <summary>The runtime could not bring it back, or lost it in a failure.</summary>
    Failed,
}
