using System.CommandLine;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary>Serves a model: what the program does without a command.</summary>
internal static class ServeCommand
{
    public const string Name = "serve";

    public static Command Create()
    {
        var command = new Command(Name, "Serves a checkpoint over the OpenAI HTTP API (the default).");
        Configure(command);
        return command;
    }

    /// <summary>Gives <paramref name="command"/> the flags and the action of serving.</summary>
    public static void Configure(Command command)
    {
        var settings = SettingOptions.AddTo(command);
        var keys = new Option<string[]>("--api-key")
        {
            HelpName = "KEY",
            Description = "Key that clients must send; may be repeated (default: none, open)",
            Arity = ArgumentArity.OneOrMore,
        };
        command.Options.Add(keys);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var configuration = settings.Read(parsed, (parsed.GetValue(keys) ?? []).Select((key, index) => ($"Http:ApiKeys:{index}", key)));
            return await ServerRun.RunAsync(configuration, parsed.InvocationConfiguration.Error, cancellationToken: cancellationToken);
        });
    }
}
