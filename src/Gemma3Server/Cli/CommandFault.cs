namespace Gemma3Server.Cli;

/// <summary>A command cannot do what was asked; the message is one line for the user.</summary>
internal sealed class CommandFault(string message, int exitCode = Hosting.ExitCode.CannotRun) : Exception(message)
{
    /// <summary>What the process returns.</summary>
    public int ExitCode { get; } = exitCode;
}
