using System.CommandLine;
using System.Runtime.InteropServices;
using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Export;
using Gemma3Pocket.Model;
using Gemma3Pocket.Training;

namespace Gemma3Pocket.Cli;

/// <summary><c>export</c>: writes the model of a run as GGUF.</summary>
internal static class ExportCommand
{
    public static Command Create()
    {
        var from = new Option<string>("--from") { Required = true, Description = "Directory of the run" };
        var file = new Option<string>("--out") { Required = true, Description = "GGUF file to write" };
        var type = new Option<string>("--type") { DefaultValueFactory = _ => "q4_0", Description = "f16, or q4_0 with embeddings in q8_0" };
        type.AcceptOnlyFromAmong("f16", "q4_0");
        var aware = new Option<bool>("--qat") { Description = "The run was quantization-aware: name the model so" };
        var command = new Command("export", "Writes the model of a run as a GGUF file.") { from, file, type, aware };
        command.SetAction(parsed =>
        {
            var vocabulary = PocketVocabulary.Load();
            var layout = new WeightLayout(PocketShape.Of(vocabulary.Count));
            using var state = TrainingState.Load(RunDirectory.Checkpoint(parsed.GetValue(from)!), layout);
            PocketCheckpoint.Write(
                parsed.GetValue(file)!,
                layout,
                MemoryMarshal.Cast<byte, float>(state.Weights.bytes),
                vocabulary,
                parsed.GetValue(type) == "q4_0",
                parsed.GetValue(aware));
            Console.WriteLine($"Wrote {parsed.GetValue(file)} ({new FileInfo(parsed.GetValue(file)!).Length / 1e6:F2} MB, step {state.Step}).");
        });
        return command;
    }
}
