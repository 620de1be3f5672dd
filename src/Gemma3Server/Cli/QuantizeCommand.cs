using System.CommandLine;
using System.Globalization;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary><c>quantize</c>: makes a Q4_0 or Q8_0 checkpoint of an F16, BF16 or F32 one.</summary>
internal static class QuantizeCommand
{
    public static Command Create()
    {
        var target = new Option<FileInfo>("--out") { HelpName = "FILE", Required = true, Description = "GGUF file to write; its folder is made" };
        var type = new Option<string>("--type") { HelpName = "TYPE", Required = true, Description = "Type of the matrices: q4_0 or q8_0" };
        type.AcceptOnlyFromAmong("q4_0", "q8_0");
        var embeddings = new Option<string>("--embeddings")
        {
            HelpName = "TYPE",
            Description = "Type of the token embeddings, which are the output matrix too: q8_0, q6_k or f16 (default: q8_0)",
            DefaultValueFactory = _ => "q8_0",
        };
        embeddings.AcceptOnlyFromAmong("q8_0", "q6_k", "f16");
        var force = new Option<bool>("--force") { Description = "Replace an existing file" };
        var requantize = new Option<bool>("--allow-requantize") { Description = "Take a source that is quantized already; the losses add up" };
        var command = new Command("quantize", "Makes a Q4_0 or Q8_0 checkpoint of an F16, BF16 or F32 one (post-training, without calibration).")
        {
            target, type, embeddings, force, requantize,
        };
        var settings = SettingOptions.AddTo(command, flag => flag.Key is "Model:Path" or "Runtime:Threads");
        command.SetAction((parsed, cancellationToken) =>
        {
            var file = parsed.GetValue(target)!;
            var settingsOfJob = new QuantizeSettings
            {
                Target = parsed.GetRequiredValue(target).ToString(),
                Type = parsed.GetValue(type)!,
                Embeddings = parsed.GetValue(embeddings)!,
                Overwrite = parsed.GetValue(force),
                AllowRequantize = parsed.GetValue(requantize),
            };
            var configuration = settings.Read(parsed, defaults: ModelCommandRun.Quiet);
            var error = parsed.InvocationConfiguration.Error;
            return ModelCommandRun.RunAsync(configuration, needsModel: true, error, async options =>
            {
                if (file.Exists && !settingsOfJob.Overwrite) throw new CommandFault($"'{file}' exists already; replace it with --force.");
                using var loggers = CommandLog.Create(configuration);
                try
                {
                    var done = await CommandProgress.RunAsync(error, $"Writing {file.Name}", report =>
                        CompositionRoot.QuantizeAsync(options, settingsOfJob, loggers, (tensor, share) => report(share, tensor), cancellationToken));
                    await parsed.InvocationConfiguration.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                        $"Wrote {file}: {done.SourceBytes / 1e6:N1} MB ({done.SourceBitsPerWeight:0.00} bits/weight) became {done.TargetBytes / 1e6:N1} MB ({done.TargetBitsPerWeight:0.00})."));
                    return ExitCode.Ok;
                }
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                    throw new CommandFault($"Cannot write '{file}': {exception.Message.TrimEnd('.')}.");
                }
                catch (OperationCanceledException)
                {
                    throw new CommandFault($"Stopped; '{file}' was not written.");
                }
            }, orEmbedded: false);
        });
        return command;
    }
}
