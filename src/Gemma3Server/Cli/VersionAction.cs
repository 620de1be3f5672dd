using System.CommandLine;
using System.CommandLine.Invocation;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary>Prints the version.</summary>
internal sealed class VersionAction : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        parseResult.InvocationConfiguration.Output.WriteLine(ServedModel.Version);
        return ExitCode.Ok;
    }
}
