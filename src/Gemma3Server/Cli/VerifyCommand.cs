using System.CommandLine;
using Gemma3Server.Catalog;
using Gemma3Server.Cli.Pull;
using Gemma3Server.Hosting;
using Gemma3Server.Hub;

namespace Gemma3Server.Cli;

/// <summary><c>verify</c>: hashes pulled files again and compares with their receipts.</summary>
internal static class VerifyCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("NAME") { Description = "A model; without it, all that have been pulled", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("verify", "Hashes pulled files and compares with what the hub said of them; needs no network.") { name };
        var settings = HubCommandRun.AddSettings(command);
        command.SetAction((parsed, cancellationToken) => HubCommandRun.RunAsync(parsed, settings, json: false, async run =>
        {
            var wanted = parsed.GetValue(name) is { } given ? run.Find(given) : null;
            var receipts = run.Store.Receipts().Where(receipt => wanted is null || IsOf(wanted, receipt)).ToList();
            if (receipts.Count == 0) throw new CommandFault(wanted is null ? "No model has been pulled." : $"Nothing of '{wanted.Name}' has been pulled.", ExitCode.NotFound);
            var damaged = 0;
            foreach (var receipt in receipts)
            {
                var path = run.Store.PathOf(receipt.Repository, receipt.File);
                var hash = new FileInfo(path).Length == receipt.Bytes ? await FileHash.Sha256Async(path, _ => { }, cancellationToken) : null;
                if (hash == receipt.Sha256)
                {
                    await run.Output.WriteLineAsync($"good     {path}");
                    continue;
                }

                damaged++;
                await run.Output.WriteLineAsync($"DAMAGED  {path}");
            }

            if (damaged == 0) return ExitCode.Ok;
            throw new CommandFault($"{damaged} of {receipts.Count} files are not what was pulled: remove them with gemma3server rm, and pull again.", ExitCode.WrongHash);
        }));
        return command;
    }

    private static bool IsOf(ModelReference wanted, Receipt receipt) => wanted.Match is { } match
        ? match.Sources.Any(source => source.Value.Repository == receipt.Repository
            && new[] { source.Value.File.Path, source.Value.Projector?.Path }.Contains(HubNames.Shards(receipt.File)[0]))
        : wanted.Repository == receipt.Repository && (wanted.File is null || receipt.File.Contains(wanted.File, StringComparison.OrdinalIgnoreCase));
}
