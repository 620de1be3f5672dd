using System.CommandLine;
using Gemma3Server.Catalog;
using Gemma3Server.Cli.Pull;
using Gemma3Server.Hosting;
using Gemma3Server.Hub;

namespace Gemma3Server.Cli;

/// <summary><c>pull</c>: fetches a model of the catalog, or of any repository of the hub.</summary>
internal static class PullCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("NAME")
        {
            Description = "A model of the catalog (gemma3server list), or OWNER/NAME or OWNER/NAME:FILE of the Hugging Face hub; FILE may be a part of the file's name, such as Q4_0",
        };
        var source = new Option<string?>("--source") { HelpName = "SOURCE", Description = "The catalog's source to take, such as ggml-org (default: the entry's own)" };
        var revision = new Option<string?>("--revision") { HelpName = "REV", Description = "Branch, tag or commit (default: the catalog's, or main)" };
        var bare = new Option<bool>("--no-projector") { Description = "Leave the projector out, which images need" };
        var connections = new Option<int>("--connections")
        {
            HelpName = "N",
            Description = $"Ranges that are fetched at the same time, 1 to 16 (default: {new HubTimings().Connections})",
            DefaultValueFactory = _ => new HubTimings().Connections,
        };
        connections.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 16) result.AddError("--connections must be between 1 and 16.");
        });
        revision.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } given && !HubNames.IsRevision(given)) result.AddError($"--revision must be a branch, tag or commit, but is '{given}'.");
        });
        var json = HubCommandRun.JsonOption("Write progress and result as JSON, an object a line");
        var command = new Command("pull", "Fetches a model from the Hugging Face hub, and goes on where an earlier pull was stopped.") { name, source, revision, bare, connections, json };
        var settings = HubCommandRun.AddSettings(command);
        command.SetAction((parsed, cancellationToken) => HubCommandRun.RunAsync(parsed, settings, parsed.GetValue(json), async run =>
        {
            var reference = run.Find(parsed.GetRequiredValue(name));
            var picked = Pick(reference, parsed.GetValue(source));
            var request = Request(reference, picked, parsed.GetValue(revision), withProjector: !parsed.GetValue(bare));
            try
            {
                var timings = new HubTimings { Connections = parsed.GetValue(connections) };
                var files = await PullRun.RunAsync(run, request, timings, parsed.GetValue(json), cancellationToken);
                await PullRun.PrintAsync(run, reference, files, parsed.GetValue(json));
                return ExitCode.Ok;
            }
            catch (HubException exception) when (exception.Fault == HubFault.Gated && reference.Match is not null && Open(reference.Match.Entry, picked) is { } open)
            {
                throw new HubException(HubFault.Gated, $"{exception.Message} Or take the copy that needs neither: gemma3server pull {reference.Match.Entry.Name} --source {open}", exception);
            }
            catch (OperationCanceledException)
            {
                throw new CommandFault($"Stopped. What has come is kept; the same command goes on from there: gemma3server pull {reference.Name}", ExitCode.Interrupted);
            }
        }));
        return command;
    }

    /// <summary>The source to take of a model of the catalog; the key is empty for a repository.</summary>
    private static KeyValuePair<string, CatalogSource> Pick(ModelReference reference, string? wanted)
    {
        if (reference.Match is null)
        {
            if (wanted is not null) throw new CommandFault($"--source is for models of the catalog, and '{reference.Name}' is a repository.", ExitCode.WrongUsage);
            return new("", new() { Repository = reference.Repository! });
        }

        if (wanted is null) return reference.Match.Sources.First();
        var sources = reference.Match.Entry.InOrder.ToList();
        return sources.Find(source => source.Key.Equals(wanted, StringComparison.OrdinalIgnoreCase)) is { Value: not null } found
            ? found
            : throw new CommandFault($"--source must be one of {string.Join(", ", sources.Select(source => source.Key))} for {reference.Match.Entry.Name}, but is '{wanted}'.", ExitCode.WrongUsage);
    }

    private static PullRequest Request(ModelReference reference, KeyValuePair<string, CatalogSource> picked, string? revision, bool withProjector)
    {
        var source = picked.Value;
        if (reference.Match is null) return new() { Repository = source.Repository, Revision = revision ?? source.Revision, Choice = reference.File };
        var files = withProjector && source.Projector is not null ? [source.File, source.Projector] : new[] { source.File };
        return new()
        {
            Repository = source.Repository,
            Revision = revision ?? source.Revision,
            Items = [.. files.Select(file => new PullItem(file.Path, file.Sha256))],
        };
    }

    /// <summary>Another source of the model that is not gated.</summary>
    private static string? Open(CatalogEntry entry, KeyValuePair<string, CatalogSource> picked) =>
        entry.InOrder.Where(source => source.Key != picked.Key && !source.Value.Gated).Select(source => source.Key).FirstOrDefault();
}
