using Serilog;
using Serilog.Extensions.Logging;

namespace Gemma3Server.Cli;

/// <summary>The log of commands that have no host.</summary>
internal static class CommandLog
{
    /// <exception cref="CommandFault">The logger's settings, which are Serilog's own, are not usable.</exception>
    public static ILoggerFactory Create(IConfiguration configuration)
    {
        try
        {
            return new SerilogLoggerFactory(new LoggerConfiguration().ReadFrom.Configuration(configuration).CreateLogger(), dispose: true);
        }
        catch (Exception exception) when (exception is InvalidOperationException or ArgumentException or FormatException)
        {
            throw new CommandFault($"The settings are not usable: {exception.Message}", Hosting.ExitCode.WrongUsage);
        }
    }
}
