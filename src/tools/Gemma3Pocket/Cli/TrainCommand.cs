using System.CommandLine;
using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Training;

namespace Gemma3Pocket.Cli;

/// <summary><c>train</c> in full precision, and <c>qat</c> for the quantized file: the same loop, with another objective.</summary>
internal static class TrainCommand
{
    public static Command CreateTrain() => Create("train", "Trains in full precision; goes on where the run's checkpoint is.", null, 3e-3, 0.1, 2747, 700, 100);

    public static Command CreateQuantizationAware()
    {
        var from = new Option<string>("--from") { Required = true, Description = "Finished run in full precision: start and teacher" };
        return Create("qat", "Trains on for the quantized file, towards the probabilities of the full-precision run.", from, 1e-4, 0, 260, 250, 10);
    }

    private static Command Create(
        string name, string description, Option<string>? from, double rate, double decay, int steps, int decaySteps, int warmUpSteps)
    {
        var defaults = new TrainingOptions { Directory = "" };
        var run = new Option<string>("--run") { Required = true, Description = "Directory of checkpoint and log" };
        var seed = new Option<ulong>("--seed") { DefaultValueFactory = _ => defaults.Seed, Description = "Of weights and lessons" };
        var stepCount = new Option<int>("--steps") { DefaultValueFactory = _ => steps, Description = "Steps in all, the decay among them" };
        var decayCount = new Option<int>("--decay-steps")
        {
            DefaultValueFactory = _ => decaySteps,
            Description = "Steps in which the learning rate falls to 0; a file 'decay' in the run's directory starts them at once",
        };
        var warmUp = new Option<int>("--warm-up-steps") { DefaultValueFactory = _ => warmUpSteps, Description = "Steps in which it rises" };
        var rows = new Option<int>("--rows") { DefaultValueFactory = _ => defaults.Rows, Description = "Rows of a batch" };
        var width = new Option<int>("--width") { DefaultValueFactory = _ => defaults.Width, Description = "Tokens of a row" };
        var rateOption = new Option<double>("--rate") { DefaultValueFactory = _ => rate, Description = "Highest learning rate" };
        var weightDecay = new Option<double>("--weight-decay") { DefaultValueFactory = _ => decay, Description = "Share of a matrix lost per step and rate" };
        var optimizer = new Option<string>("--optimizer") { DefaultValueFactory = _ => "muon", Description = "muon or adamw" };
        optimizer.AcceptOnlyFromAmong("muon", "adamw");
        var precise = new Option<bool>("--float32") { Description = "Multiply in 32 bits, where the processor lacks AVX512-BF16" };
        var minutes = new Option<double>("--exam-minutes") { DefaultValueFactory = _ => 10, Description = "Between two examinations; 0 for none" };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => defaults.Threads, Description = "CPU threads" };
        var command = new Command(name, description)
        {
            run, seed, stepCount, decayCount, warmUp, rows, width, rateOption, weightDecay, optimizer, precise, minutes, threads,
        };
        if (from is not null)
            command.Add(from);
        command.SetAction((parsed, cancellationToken) =>
        {
            using var trainer = new Trainer(
                new TrainingOptions
                {
                    Directory = parsed.GetValue(run)!,
                    Seed = parsed.GetValue(seed),
                    Steps = parsed.GetValue(stepCount),
                    DecaySteps = parsed.GetValue(decayCount),
                    WarmUpSteps = parsed.GetValue(warmUp),
                    Rows = parsed.GetValue(rows),
                    Width = parsed.GetValue(width),
                    LearningRate = parsed.GetValue(rateOption),
                    WeightDecay = parsed.GetValue(weightDecay),
                    Muon = parsed.GetValue(optimizer) == "muon",
                    Fast = !parsed.GetValue(precise),
                    ExamInterval = TimeSpan.FromMinutes(parsed.GetValue(minutes)),
                    Threads = parsed.GetValue(threads),
                    Teacher = from is null ? null : parsed.GetValue(from),
                },
                PocketVocabulary.Load());
            trainer.Run(cancellationToken);
            return Task.FromResult(0);
        });
        return command;
    }
}
