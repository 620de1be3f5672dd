using System.CommandLine;
using Gemma3Server.Catalog;
using Gemma3Server.Cli.Pull;
using Gemma3Server.Hosting;
using Spectre.Console;

namespace Gemma3Server.Cli;

/// <summary><c>list</c>: the models of the catalog and those that are here.</summary>
internal static class ListCommand
{
    public static Command Create()
    {
        var json = HubCommandRun.JsonOption("Write JSON, a file a line");
        var command = new Command("list", "Lists the models of the catalog and those that have been pulled.") { json };
        var settings = HubCommandRun.AddSettings(command);
        command.SetAction(parsed => HubCommandRun.RunAsync(parsed, settings, parsed.GetValue(json), async run =>
        {
            var lines = run.Catalog.Entries.SelectMany(entry => ModelLines.Of(new(entry, null), run.Store))
                .Concat(ModelLines.Others(run.Catalog, run.Store)).ToList();
            if (parsed.GetValue(json))
            {
                foreach (var line in lines) await run.Output.WriteLineAsync(PullJson.Of(line));
                return ExitCode.Ok;
            }

            var table = new Table { Border = TableBorder.None }.AddColumns("NAME", "SOURCE", "FILE", "SIZE", "STATE");
            foreach (var line in lines.Where(line => line.Role == "model" || line.State != "absent"))
            {
                string[] cells =
                [
                    line.Source is null ? line.Repository : line.Name,
                    line.Source is null ? "" : line.Source + (line.Gated ? " (licence, token)" : ""),
                    line.File, line.Bytes is { } bytes ? ByteText.Of(bytes) : "", line.State == "absent" ? "" : line.State,
                ];
                table.AddRow([.. cells.Select(Markup.Escape)]);
            }

            CommandConsole.Wide(run.Output).Write(table);
            await run.Output.WriteLineAsync($"Pulled models are in {run.Store.Directory}");
            return ExitCode.Ok;
        }));
        return command;
    }
}
