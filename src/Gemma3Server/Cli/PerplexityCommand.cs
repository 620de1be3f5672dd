using System.CommandLine;
using Gemma3Server.Cli.Perplexity;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary><c>perplexity</c>: how well checkpoints predict a text, and how far they are from a reference checkpoint.</summary>
internal static class PerplexityCommand
{
    /// <summary>Window of plain text: llama.cpp's own default, so that windows are as long as those of published figures.</summary>
    private const int DefaultWindow = 512;

    /// <summary>Rows of a forward call, all with logits: 128 rows of Gemma's vocabulary are 128 MiB, and they fill a CPU.</summary>
    private const int Rows = 128;

    public static Command Create()
    {
        var models = new Option<string[]>("--model")
        {
            HelpName = "FILE",
            Required = true,
            Description = "GGUF file of a Gemma 3 checkpoint; may be repeated. With --against and exactly two, also the share of the first one's loss of "
                + "perplexity that the second recovers: give plain Q4_0 first, then QAT Q4_0",
        };
        var text = new Option<FileInfo>("--file")
        {
            HelpName = "FILE",
            Required = true,
            Description = "UTF-8 text, cut into windows of --context tokens that each begin with <bos>; or .jsonl, a conversation {\"messages\":[...]} a line, "
                + "in the chat template, one document each. Every token after <bos> is scored",
        };
        var reference = new Option<string?>("--against") { HelpName = "FILE", Description = "Reference checkpoint, such as the F16 one: adds KL divergence, top-1 agreement and the change of perplexity" };
        var answers = new Option<bool>("--answers") { Description = "Score the assistant's turns only (.jsonl): their text and <end_of_turn>" };
        var json = new Option<bool>("--json") { Description = "Write the result as JSON" };
        var command = new Command("perplexity", "Measures how well checkpoints predict a text, and how far they are from a reference checkpoint.")
        {
            models, text, reference, answers, json,
        };
        var settings = SettingOptions.AddTo(
            command, flag => flag.Key is "Runtime:ContextLength" or "Runtime:Parallel" or "Runtime:GpuLayers" or "Runtime:Threads");
        command.SetAction((parsed, cancellationToken) =>
        {
            var asked = new PerplexityPlan(parsed.GetValue(models)!, parsed.GetValue(reference), parsed.GetValue(text)!, parsed.GetValue(answers));
            var runtime = $"{Gemma3ServerOptions.Section}:Runtime";
            var configuration = settings.Read(parsed, defaults:
            [
                .. ModelCommandRun.Quiet,
                new($"{runtime}:ContextLength", asked.IsConversations ? "0" : $"{DefaultWindow}"),
                new($"{runtime}:BatchTokens", $"{Rows}"),
                new($"{runtime}:MicroBatchTokens", $"{Rows}"),
            ]);
            var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
            return ModelCommandRun.RunAsync(configuration, needsModel: false, error, async options =>
            {
                var plan = asked with
                {
                    Models = [.. asked.Models.Select(model => Locate(options, model))],
                    Reference = asked.Reference is null ? null : Locate(options, asked.Reference),
                };
                Check(plan);
                using var loggers = CommandLog.Create(configuration);
                var fault = CompositionRoot.NativeFault;
                var result = await PerplexityProgress.RunAsync(error, TimeProvider.System, progress => new PerplexityRun(
                    plan, options, (model, stopped) => CompositionRoot.LoadForScoring(model, loggers, stopped), fault, progress).RunAsync(cancellationToken));
                if (parsed.GetValue(json)) await output.WriteLineAsync(PerplexityJson.Of(result));
                else new PerplexityReport(CommandConsole.On(output), plan).Print(result);
                return ExitCode.Ok;
            });
        });
        return command;
    }

    /// <summary>The file of a pulled model that is named.</summary>
    private static string Locate(Gemma3ServerOptions options, string model)
    {
        var path = NamedModel.Locate(options, model, out var fault);
        return fault is null ? path! : throw new CommandFault(fault);
    }

    /// <summary>What can be known before gigabytes are loaded.</summary>
    private static void Check(PerplexityPlan plan)
    {
        foreach (var file in plan.Files)
            if (ServerRun.FindModelFault(file) is { } missing) throw new CommandFault(missing);
        if (!plan.Text.Exists) throw new CommandFault($"The text '{plan.Text}' does not exist.");
        if (plan.AnswersOnly && !plan.IsConversations)
            throw new CommandFault($"--answers needs conversations (.jsonl), and '{plan.Text}' is plain text.", ExitCode.WrongUsage);
    }
}
