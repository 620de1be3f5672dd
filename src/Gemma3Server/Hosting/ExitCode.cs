namespace Gemma3Server.Hosting;

/// <summary>What the process will return.</summary>
internal sealed class ExitCode
{
    /// <summary>It ended as asked.</summary>
    public const int Ok = 0;

    /// <summary>Model, port or machine do not allow what was asked.</summary>
    public const int CannotRun = 1;

    /// <summary>Flags or settings are wrong.</summary>
    public const int WrongUsage = 2;

    /// <summary>The hub wants an accepted licence or another token.</summary>
    public const int Gated = 3;

    /// <summary>There is no such repository or file.</summary>
    public const int NotFound = 4;

    /// <summary>The hub cannot be reached, or does not answer as it should.</summary>
    public const int NoNetwork = 5;

    /// <summary>A file does not have the hash that it should have.</summary>
    public const int WrongHash = 6;

    /// <summary>There is no room on the disk.</summary>
    public const int DiskFull = 7;

    /// <summary>Ended by Ctrl-C: what a shell reports then.</summary>
    public const int Interrupted = 130;

    public int Value { get; set; } = Ok;
}
