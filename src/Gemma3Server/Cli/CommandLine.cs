using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary>The program's commands. Serving is the default; each other command is one class with a <c>Create</c>.</summary>
internal static partial class CommandLine
{
    /// <summary>Runs the program.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="output">Where results go.</param>
    /// <param name="error">Where faults and progress go.</param>
    /// <param name="input">Where <c>chat</c> reads, instead of from the console.</param>
    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(string[] arguments, TextWriter output, TextWriter error, TextReader? input = null)
    {
        var root = Create(input);
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0 && parsed.Action is null or ParseErrorAction)
        {
            await error.WriteLineAsync(string.Join(' ', parsed.Errors.Select(e => Plain(e.Message)).Distinct()));
            await error.WriteLineAsync("Try 'gemma3server --help'.");
            return ExitCode.WrongUsage;
        }

        if (FindMisplaced(parsed, root) is { } misplaced)
        {
            await error.WriteLineAsync(misplaced);
            return ExitCode.WrongUsage;
        }

        try
        {
            var configuration = new InvocationConfiguration
            {
                Output = output,
                Error = error,
                ProcessTerminationTimeout = null,
                EnableDefaultExceptionHandler = false,
            };

            // The server handles signals itself and drains, and a chat ends an answer on Ctrl-C; the other commands are cancelled.
            var command = parsed.CommandResult.Command;
            if (command is RootCommand || command.Name is ServeCommand.Name or ChatCommand.Name) return await parsed.InvokeAsync(configuration);
            using var signals = new StopSignals();
            return await await Task.WhenAny(parsed.InvokeAsync(configuration, signals.Token), signals.Expired);
        }
        catch (SettingsFileException exception)
        {
            await error.WriteLineAsync(exception.Message);
            return ExitCode.WrongUsage;
        }
        catch (Exception exception)
        {
            // A fault of the program: here the stack is what helps.
            await error.WriteLineAsync($"Unexpected error: {exception}");
            return ExitCode.CannotRun;
        }
    }

    /// <summary>Flags before a command belong to serving without a command: the command would not see them.</summary>
    private static string? FindMisplaced(ParseResult parsed, RootCommand root)
    {
        var command = parsed.CommandResult.Command;
        if (command == root) return null;
        var flags = parsed.RootCommandResult.Children.OfType<OptionResult>()
            .Where(result => !result.Implicit && !result.Option.Recursive).Select(result => result.Option.Name).ToList();
        return flags.Count == 0
            ? null
            : $"{string.Join(", ", flags)} must stand after the command: gemma3server {command.Name} {flags[0]} ...";
    }

    private static RootCommand Create(TextReader? input)
    {
        var root = new RootCommand("Serves a Gemma 3 checkpoint (GGUF) over the OpenAI HTTP API.");
        ServeCommand.Configure(root);
        root.Subcommands.Add(ServeCommand.Create());
        root.Subcommands.Add(ChatCommand.Create(input));
        root.Subcommands.Add(PullCommand.Create());
        root.Subcommands.Add(ListCommand.Create());
        root.Subcommands.Add(ShowCommand.Create());
        root.Subcommands.Add(RemoveCommand.Create());
        root.Subcommands.Add(VerifyCommand.Create());
        root.Subcommands.Add(PlanCommand.Create());
        root.Subcommands.Add(BenchCommand.Create());
        root.Subcommands.Add(PerplexityCommand.Create());
        root.Subcommands.Add(QuantizeCommand.Create());
        root.Subcommands.Add(InspectCommand.Create());
        root.Subcommands.Add(SynthCommand.Create());

        // The version people quote, without the commit.
        foreach (var version in root.Options.OfType<VersionOption>()) version.Action = new VersionAction();
        return root;
    }

    /// <summary>The parser's message in one line, and in the words of <see cref="SettingsReader"/> where it would name a type of .NET.</summary>
    private static string Plain(string message)
    {
        var line = string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return UnparsableNumber.Match(line) is { Success: true } match
            ? $"{match.Groups["option"]} must be {NameOf(match.Groups["type"].Value)}, but is '{match.Groups["value"]}'."
            : line;
    }

    private static string NameOf(string type) => type switch
    {
        "UInt64" => "a whole number of at least 0",
        "Int32" => $"a whole number of at most {int.MaxValue}",
        "Int64" => "a whole number",
        _ => "a number",
    };

    [GeneratedRegex(@"^Cannot parse argument '(?<value>.*)' for option '(?<option>[^']*)' as expected type '.*?System\.(?<type>U?Int64|Int32|Double)\W.*$")]
    private static partial Regex UnparsableNumber { get; }
}
