using Gemma3Server.Cli;

namespace Gemma3Server.Tests.Cli;

/// <summary>One run of the program's command line, in this process.</summary>
internal sealed record CommandRun(int Code, string Output, string Error)
{
    public string[] ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static async Task<CommandRun> RunAsync(string input, params string[] arguments)
    {
        await using var output = new StringWriter();
        await using var error = new StringWriter();
        var code = await CommandLine.RunAsync(arguments, output, error, new StringReader(input));
        return new(code, output.ToString(), error.ToString());
    }
}
