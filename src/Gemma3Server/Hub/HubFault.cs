namespace Gemma3Server.Hub;

/// <summary>Why something cannot be had from the hub.</summary>
internal enum HubFault
{
    /// <summary>The repository wants an accepted licence and a token, or a better token.</summary>
    Gated,

    /// <summary>There is no such repository, revision or file, or it is private.</summary>
    NotFound,

    /// <summary>The hub cannot be reached or is overloaded, after several tries; later it may work.</summary>
    NoNetwork,

    /// <summary>An answer broke off or was not the one asked for; the next try may be better.</summary>
    Interrupted,

    /// <summary>The hub answers what this program cannot use.</summary>
    Protocol,

    /// <summary>The file became another one while it was being fetched.</summary>
    Changed,

    /// <summary>What was fetched does not have the hash that it should have.</summary>
    WrongHash,

    /// <summary>There is no room for it.</summary>
    DiskFull,

    /// <summary>The folder cannot be written.</summary>
    Storage,
}
