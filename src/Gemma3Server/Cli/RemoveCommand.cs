using System.CommandLine;
using Gemma3Server.Catalog;
using Gemma3Server.Cli.Pull;
using Gemma3Server.Hosting;
using Gemma3Server.Hub.Download;

namespace Gemma3Server.Cli;

/// <summary><c>rm</c>: removes what has been pulled of a model, whole or in part.</summary>
internal static class RemoveCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "A model of the catalog, or OWNER/NAME[:FILE]" };
        var source = new Option<string?>("--source") { HelpName = "SOURCE", Description = "Remove what is of this source of the catalog only" };
        var command = new Command("rm", "Removes a pulled model, and what an unfinished pull has left of it.") { name, source };
        var settings = HubCommandRun.AddSettings(command);
        command.SetAction(parsed => HubCommandRun.RunAsync(parsed, settings, json: false, async run =>
        {
            var reference = run.Find(parsed.GetRequiredValue(name));
            var (removed, freed) = (0, 0L);
            foreach (var (repository, file) in Files(run, reference, parsed.GetValue(source)))
            {
                using var held = FileLock.TryTake(run.Store.LockOf(repository, file))
                    ?? throw new CommandFault($"'{file}' is being pulled at the moment; stop that first.");
                if (run.Store.Remove(repository, file) is not { } bytes) continue;
                removed++;
                freed += bytes;
            }

            if (removed == 0) throw new CommandFault($"Nothing of '{reference.Name}' is here.", ExitCode.NotFound);
            await run.Output.WriteLineAsync($"Removed {reference.Name}: {removed} file{(removed == 1 ? "" : "s")}, {ByteText.Of(freed)}");
            return ExitCode.Ok;
        }));
        return command;
    }

    private static List<(string Repository, string File)> Files(HubCommandRun run, ModelReference reference, string? source)
    {
        if (reference.Match is not { } match)
        {
            return [.. run.Store.Files(reference.Repository!)
                .Where(file => reference.File is null || file.Contains(reference.File, StringComparison.OrdinalIgnoreCase))
                .Select(file => (reference.Repository!, file))];
        }

        return [.. match.Sources.Where(pair => source is null || pair.Key.Equals(source, StringComparison.OrdinalIgnoreCase)).Select(pair => pair.Value)
            .SelectMany(found => new[] { found.File, found.Projector }.OfType<CatalogFile>().Select(file => (found.Repository, file.Path)))
            .SelectMany(found => HubNames.Shards(found.Path).Select(shard => (found.Repository, shard)))];
    }
}
