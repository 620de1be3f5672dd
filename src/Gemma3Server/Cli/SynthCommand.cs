using System.CommandLine;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Spectre.Console;

namespace Gemma3Server.Cli;

/// <summary><c>synth</c>: writes a checkpoint of a published shape with random weights, to try size, memory and speed without a download.</summary>
internal static class SynthCommand
{
    public static Command Create()
    {
        var shape = new Option<string>("--shape")
        {
            HelpName = "SHAPE",
            Required = true,
            Description = $"Published shape: {string.Join(", ", GemmaShape.Names)}",
        };
        shape.AcceptOnlyFromAmong([.. GemmaShape.Names]);
        var file = new Option<FileInfo>("--out")
        {
            HelpName = "FILE",
            Required = true,
            Description = "GGUF file to write; its folder is made, an existing file is replaced",
        };
        var type = new Option<string>("--type")
        {
            HelpName = "TYPE",
            Description = "q4_0, as served, or f16, a file to quantize (default: q4_0)",
            DefaultValueFactory = _ => "q4_0",
        };
        type.AcceptOnlyFromAmong("q4_0", "f16");
        var seed = new Option<ulong>("--seed") { HelpName = "N", Description = "The same seed gives the same file (default: 0)" };
        var command = new Command("synth", "Writes a random-weight Gemma 3 checkpoint with the size and speed of a real one.") { shape, file, type, seed };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var configuration = parsed.InvocationConfiguration;
            GemmaShape.TryGet(parsed.GetValue(shape)!, out var chosen);
            var stored = parsed.GetValue(type) == "f16" ? chosen!.InHalfPrecision() : chosen!;
            var target = parsed.GetValue(file)!;
            try
            {
                target.Directory?.Create();
                await WithProgressAsync(
                    CommandConsole.On(configuration.Error),
                    $"Writing {target.Name}",
                    progress => SyntheticCheckpoint.Write(stored, target.FullName, parsed.GetValue(seed), progress, cancellationToken));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                await configuration.Error.WriteLineAsync($"Cannot write '{target}': {exception.Message}");
                return ExitCode.CannotRun;
            }
            catch (OperationCanceledException)
            {
                await configuration.Error.WriteLineAsync($"Stopped; '{target}' was not written.");
                return ExitCode.CannotRun;
            }

            target.Refresh();
            await configuration.Output.WriteLineAsync($"Wrote {target} ({target.Length / 1e6:N0} MB). Serve it: gemma3server --model {target}");
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Runs <paramref name="write"/> on a pool thread, so that Ctrl-C is seen meanwhile, with a bar where somebody can watch it.</summary>
    private static Task WithProgressAsync(IAnsiConsole console, string title, Action<IProgress<SyntheticCheckpointProgress>?> write) =>
        console.Profile.Out.IsTerminal
            ? console.Progress().AutoClear(true).StartAsync(context => Task.Run(() => write(new Bar(context.AddTask(title)))))
            : Task.Run(() => write(null));

    /// <summary>Moves the bar at once and in order, which <see cref="Progress{T}"/> does not.</summary>
    private sealed class Bar(ProgressTask task) : IProgress<SyntheticCheckpointProgress>
    {
        public void Report(SyntheticCheckpointProgress value) => task.Value = 100d * value.BytesWritten / value.TotalBytes;
    }
}
