using System.CommandLine;
using System.Globalization;
using Gemma3Server.Cli.Inspect;
using Gemma3Server.Cli.Pull;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Cli;

/// <summary><c>inspect</c>: tells what a GGUF file holds without loading it, what the doctor finds, and repacks what he can mend.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "GGUF file, or any part of a split one, or the name of a pulled model" };
        var json = new Option<bool>("--json") { Description = "Print JSON" };
        var repack = new Option<string?>("--repack")
        {
            HelpName = "TYPE",
            Description = "Write a copy with 16-bit token embeddings as q8_0 or q6_k and the tokenizer's faults corrected; all else stays the same to the byte",
        };
        repack.AcceptOnlyFromAmong("q8_0", "q6_k");
        var target = new Option<string?>("--out") { HelpName = "FILE", Description = "With --repack: the file to write; its folder is made" };
        var force = new Option<bool>("--force") { Description = "With --repack: replace an existing file" };
        var command = new Command("inspect", "Tells what a GGUF file holds, without loading it, and what is wrong with it.") { file, json, repack, target, force };
        command.Validators.Add(result =>
        {
            var (packs, writes) = (result.GetResult(repack) is not null, result.GetResult(target) is not null);
            if (packs && !writes) result.AddError("--repack needs --out FILE.");
            if (!packs && (writes || result.GetResult(force) is not null)) result.AddError("--out and --force are for --repack.");
        });
        var settings = HubCommandRun.AddSettings(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            var (options, faults) = SettingsReader.Read(settings.Read(parsed));
            foreach (var wrong in faults) await error.WriteLineAsync(wrong);
            if (faults.Count > 0) return ExitCode.WrongUsage;
            var path = NamedModel.Locate(options, parsed.GetRequiredValue(file), out var unnamed)!;
            if ((unnamed ?? ServerRun.FindModelFault(path)) is { } missing)
            {
                await error.WriteLineAsync(missing);
                return ExitCode.CannotRun;
            }

            if (!CompositionRoot.TryInspect(path, out var inspection, out var fault))
            {
                await error.WriteLineAsync(fault);
                return ExitCode.CannotRun;
            }

            if (parsed.GetValue(repack) is { } type) return await RepackAsync(path, type, parsed.GetRequiredValue(target)!, parsed.GetValue(force), output, error, cancellationToken);
            if (parsed.GetValue(json)) await output.WriteLineAsync(InspectJson.Of(inspection));
            else new InspectReport(CommandConsole.On(output)).Print(inspection);
            return ExitCode.Ok;
        });
        return command;
    }

    private static async Task<int> RepackAsync(
        string path, string type, string target, bool force, TextWriter output, TextWriter error, CancellationToken cancellationToken)
    {
        try
        {
            var title = $"Writing {Path.GetFileName(target)}";
            var done = await CommandProgress.RunAsync(error, title, report =>
                Task.Run(() => CompositionRoot.Repack(path, target, type, force, NullLoggerFactory.Instance, share => report(share, null), cancellationToken)));
            var mended = (done.CorrectedTokens > 0 ? $" {done.CorrectedTokens} control tokens are marked as such." : "") + (done.NamedEndOfTurn ? " The end of turn is named." : "");
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"Wrote {target}: {done.SourceBytes / 1e6:N1} MB became {done.TargetBytes / 1e6:N1} MB.{mended}"));
            return ExitCode.Ok;
        }
        catch (ModelLoadException exception)
        {
            await error.WriteLineAsync(exception.Message);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            await error.WriteLineAsync($"Cannot write '{target}': {exception.Message.TrimEnd('.')}." + (File.Exists(target) && !force ? " Replace it with --force." : ""));
        }
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync($"Stopped; '{target}' was not written.");
        }

        return ExitCode.CannotRun;
    }
}
