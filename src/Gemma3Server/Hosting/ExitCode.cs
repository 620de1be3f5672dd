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

    public int Value { get; set; } = Ok;
}
