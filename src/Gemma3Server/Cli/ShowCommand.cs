using System.CommandLine;
using Gemma3Server.Catalog;
using Gemma3Server.Cli.Pull;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary><c>show</c>: all that is known about one model.</summary>
internal static class ShowCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "A model of the catalog, or OWNER/NAME[:FILE] of what has been pulled" };
        var json = HubCommandRun.JsonOption("Write JSON, a file a line");
        var command = new Command("show", "Shows what is known about a model: names, licence, sources, files, hashes, drafts, and what is here.") { name, json };
        var settings = HubCommandRun.AddSettings(command);
        command.SetAction(parsed => HubCommandRun.RunAsync(parsed, settings, parsed.GetValue(json), async run =>
        {
            var reference = run.Find(parsed.GetRequiredValue(name));
            var lines = Lines(run, reference);
            if (lines.Count == 0) throw new CommandFault($"Nothing of '{reference.Name}' has been pulled; get it with: gemma3server pull {reference.Name}", ExitCode.NotFound);
            if (parsed.GetValue(json))
            {
                foreach (var line in lines) await run.Output.WriteLineAsync(PullJson.Of(line));
                return ExitCode.Ok;
            }

            if (reference.Match is { } match) await WriteAsync(run.Output, match.Entry);
            foreach (var line in lines) await WriteAsync(run.Output, line);
            return ExitCode.Ok;
        }));
        return command;
    }

    private static List<ModelLine> Lines(HubCommandRun run, ModelReference reference) => reference.Match is { } match
        ? [.. ModelLines.Of(match, run.Store)]
        : [.. ModelLines.Others(run.Catalog, run.Store).Where(line => line.Repository == reference.Repository
            && (reference.File is null || line.File.Contains(reference.File, StringComparison.OrdinalIgnoreCase)))];

    private static async Task WriteAsync(TextWriter output, CatalogEntry entry)
    {
        await output.WriteLineAsync(entry.Name);
        if (entry.Aliases.Length > 0) await output.WriteLineAsync($"  also:     {string.Join(", ", entry.Aliases)}");
        if (entry.Licence.Length > 0) await output.WriteLineAsync($"  licence:  {entry.Licence} {entry.LicencePage}".TrimEnd());
        if (entry.Drafts.Length > 0) await output.WriteLineAsync($"  drafts:   {string.Join(", ", entry.Drafts)}");
    }

    private static async Task WriteAsync(TextWriter output, ModelLine line)
    {
        await output.WriteLineAsync($"{line.Role} {(line.Source is null ? "" : $"from {line.Source}")}".TrimEnd() + (line.Gated ? " (licence to accept, and a token)" : ""));
        await output.WriteLineAsync($"  file:     {line.Repository}:{line.File}{(line.Bytes is { } bytes ? $" ({ByteText.Of(bytes)})" : "")}");
        if (line.Sha256 is not null) await output.WriteLineAsync($"  sha-256:  {line.Sha256}");
        if (line.Commit is not null) await output.WriteLineAsync($"  commit:   {line.Commit}");
        await output.WriteLineAsync($"  here:     {line.Path ?? (line.State == "partial" ? "in part; pull goes on from there" : "no")}");
    }
}
