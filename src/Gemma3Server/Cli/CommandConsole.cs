using System.CommandLine;
using Spectre.Console;

namespace Gemma3Server.Cli;

/// <summary>Consoles on a command's own writers, and options that several commands have.</summary>
internal static class CommandConsole
{
    /// <summary>A console that colours and animates only where <paramref name="writer"/> is a terminal.</summary>
    public static IAnsiConsole On(TextWriter writer) => AnsiConsole.Create(new() { Out = new AnsiConsoleOutput(writer) });

    /// <summary>The same, but where nobody watches, lines are as long as they need to be: a program that reads them should not see them folded.</summary>
    public static IAnsiConsole Wide(TextWriter writer)
    {
        var console = On(writer);
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = 400;
        return console;
    }

    /// <summary><c>--url</c>: the address of a running server.</summary>
    public static Option<Uri?> UrlOption(string description) => new("--url")
    {
        HelpName = "URL",
        Description = description,
        CustomParser = result =>
        {
            var text = result.Tokens is [var token] ? token.Value : "";
            if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https") return url;
            result.AddError($"--url takes an address such as http://127.0.0.1:8080, but got '{text}'.");
            return null;
        },
    };
}
