namespace Gemma3Server.Hub;

/// <summary>What a pull is doing.</summary>
internal enum PullPhase
{
    /// <summary>Asking the hub.</summary>
    Resolving,

    /// <summary>Waiting for another pull of the same file.</summary>
    Waiting,

    /// <summary>Fetching.</summary>
    Downloading,

    /// <summary>Hashing what has come.</summary>
    Verifying,
}
