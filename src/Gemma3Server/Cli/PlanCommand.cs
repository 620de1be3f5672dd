using System.CommandLine;
using System.Text.Json;
using Gemma3Server.Api;
using Gemma3Server.Cli.Plan;
using Gemma3Server.Cli.Pull;
using Gemma3Server.Hosting;
using Gemma3Server.Planning;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Cli;

/// <summary><c>plan</c>: what fits on a card, with which context and for how many users, before anything is downloaded.</summary>
internal static class PlanCommand
{
    public static Command Create()
    {
        var gpu = Value("--gpu", "SIZE", "Memory of the GPU, such as 24GB (default: the common sizes)", PlanValues.Bytes);
        var detect = new Option<bool>("--detect") { Description = "Plan for this machine, with what is free on it now" };
        var model = new Option<string?>("--model") { HelpName = "MODEL", Description = "A model of the catalog, pulled or not, or a GGUF file (default: all of the catalog)" };
        var source = new Option<string?>("--source") { HelpName = "SOURCE", Description = "Source in the catalog; their files differ in size (default: the one that pull takes)" };
        var users = Value("--users", "N", "Conversations at the same time (default: as many as fit, at most 4)", PlanValues.Users);
        var context = Value("--context", "TOKENS", "Tokens of each, such as 16k (default: as many as fit)", PlanValues.Context);
        var kv = new Option<string?>("--kv")
        {
            HelpName = "TYPE",
            Description = $"Type of the KV caches: {string.Join(", ", PlanValues.KvTypes)} (default: f16)",
            CustomParser = Parser(PlanValues.Kv),
        };
        var images = new Option<bool>("--images") { Description = "Count the projector for images, of 4B and up" };
        var ram = Value("--ram", "SIZE", "Memory of the host (default: as much as needed, or what --detect finds)", PlanValues.Bytes);
        var gpuBandwidth = Value("--gpu-bandwidth", "GB/S", "What the GPU's memory gives in a second (default: that of a common card of the size)", PlanValues.Bandwidth);
        var hostBandwidth = Value("--ram-bandwidth", "GB/S", $"What the host's memory gives in a second (default: {Bandwidths.Host})", PlanValues.Bandwidth);
        var json = HubCommandRun.JsonOption("Print JSON, as GET /v1/plan answers");
        var command = new Command("plan", "Shows what fits: which models on which cards, with which context and how many users.")
        {
            gpu, detect, model, source, users, context, kv, images, ram, gpuBandwidth, hostBandwidth, json,
        };
        var settings = SettingOptions.AddTo(command, flag => flag.Key is "Models:Directory" or "Model:DraftPath");
        command.SetAction(async (parsed, _) =>
        {
            var error = parsed.InvocationConfiguration.Error;
            var wished = new PlanWishes
            {
                Model = parsed.GetValue(model),
                Source = parsed.GetValue(source),
                AllowsFiles = true,
                GpuBytes = parsed.GetValue(gpu),
                Detect = parsed.GetValue(detect),
                HostBytes = parsed.GetValue(ram),
                Users = parsed.GetValue(users),
                Context = parsed.GetValue(context),
                Kv = parsed.GetValue(kv),
                Images = parsed.GetValue(images),
                GpuBandwidth = parsed.GetValue(gpuBandwidth),
                HostBandwidth = parsed.GetValue(hostBandwidth),
            };
            return await ModelCommandRun.RunAsync(settings.Read(parsed, defaults: ModelCommandRun.Quiet), needsModel: false, error, async options =>
            {
                // The flag's, or that of a configuration file.
                var wishes = wished with { Draft = string.IsNullOrWhiteSpace(options.Model.DraftPath) ? null : options.Model.DraftPath };
                PlanReport report;
                try
                {
                    report = new CapacityPlanner(options, () => CompositionRoot.MeasureMemory(options, NullLoggerFactory.Instance)).Plan(wishes);
                }
                catch (PlanFault fault)
                {
                    throw new CommandFault($"--{fault.Field} {fault.Problem}", ExitCode.WrongUsage);
                }

                var output = parsed.InvocationConfiguration.Output;
                if (parsed.GetValue(json)) await output.WriteLineAsync(JsonSerializer.Serialize(report, OpenAiJsonContext.Relaxed.PlanReport));
                else new PlanPrinter(CommandConsole.On(output)).Print(report);
                return ExitCode.Ok;
            });
        });
        return command;
    }

    private delegate T? Reader<T>(string text, out string? fault);

    private static Option<T?> Value<T>(string name, string help, string description, Reader<T?> read) => new(name)
    {
        HelpName = help,
        Description = description,
        CustomParser = Parser(read),
    };

    private static Func<System.CommandLine.Parsing.ArgumentResult, T?> Parser<T>(Reader<T?> read) => result =>
    {
        var value = read(result.Tokens is [var token] ? token.Value : "", out var fault);
        if (fault is not null) result.AddError($"{((System.CommandLine.Parsing.OptionResult)result.Parent!).Option.Name} {fault}.");
        return value;
    };
}
