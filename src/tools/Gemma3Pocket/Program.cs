using System.CommandLine;
using Gemma3Pocket.Cli;

var root = new RootCommand("Trains the pocket Gemma 3 and writes it as a GGUF file.")
{
    TrainCommand.CreateTrain(),
    TrainCommand.CreateQuantizationAware(),
    ExportCommand.Create(),
    TextCommand.Create(),
};
return await root.Parse(args).InvokeAsync();
