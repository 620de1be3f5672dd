using System.CommandLine;
using Gemma3Pocket.Cli;

var root = new RootCommand("Trains the pocket Gemma 3 and writes it as a GGUF file.")
{
    TrainCommand.CreateTrain(),
    TrainCommand.CreateQuantizationAware(),
    ExportCommand.Create(),
    TextCommand.Create(),
};
// A step ends and the checkpoint is written before the process does.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
