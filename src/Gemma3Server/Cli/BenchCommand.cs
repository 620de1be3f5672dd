using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;
using Gemma3Server.Planning;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Cli;

/// <summary><c>bench</c>: one stream and N streams on the bare native loop, the engine and HTTP, in turn within one run.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var url = CommandConsole.UrlOption("Measure a running server over HTTP only; it may be any OpenAI-compatible one");
        var key = new Option<string?>("--api-key") { HelpName = "KEY", Description = "The running server's key" };
        var shape = new Option<string?>("--shape")
        {
            HelpName = "SHAPE",
            Description = $"Instead of a model: a checkpoint of this published shape with random weights, written and removed again: {string.Join(", ", ShapeCheckpoint.Names)}",
        };
        shape.AcceptOnlyFromAmong([.. ShapeCheckpoint.Names]);
        var folder = new Option<DirectoryInfo?>("--dir") { HelpName = "DIR", Description = "With --shape: where it is written (default: the folder for temporary files, or for models where that one is in memory)" };
        var streams = new Option<int[]>("--streams")
        {
            HelpName = "N",
            Description = "Streams at the same time; may be repeated (default: 1 8)",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1, 8],
        };
        var prompt = new Option<int>("--prompt-tokens") { HelpName = "N", Description = "Length of each prompt, about (default: 64)", DefaultValueFactory = _ => 64 };
        var tokens = new Option<int>("--tokens") { HelpName = "N", Description = "Tokens that each stream generates (default: 64)", DefaultValueFactory = _ => 64 };
        var rounds = new Option<int>("--rounds") { HelpName = "N", Description = "Rounds; medians are shown (default: 3)", DefaultValueFactory = _ => 3 };
        AtLeast(1, prompt, rounds);
        AtLeast(4, tokens);
        streams.Validators.Add(result =>
        {
            if (Numbers(result).Any(n => n is < 1 or > 256)) result.AddError("--streams takes numbers from 1 to 256.");
        });
        var command = new Command("bench", "Measures one stream and N streams: the bare native loop, the engine and HTTP side by side.")
        {
            url, key, shape, folder, streams, prompt, tokens, rounds,
        };
        var settings = SettingOptions.AddTo(command, flag => flag.Key is "Model:Path" or "Runtime:GpuLayers" or "Runtime:Threads" or "Runtime:ContextLength");
        command.Validators.Add(result =>
        {
            var model = command.Options.First(option => option.Name == "--model");
            if (result.GetResult(shape) is not null && (result.GetResult(url) is not null || result.GetResult(model) is not null))
                result.AddError("--shape stands instead of --model and --url.");
            if (result.GetResult(folder) is not null && result.GetResult(shape) is null) result.AddError("--dir is for --shape.");
        });
        command.SetAction((parsed, cancellationToken) =>
        {
            var plan = new BenchPlan(
                [.. parsed.GetValue(streams)!.Distinct().Order()], parsed.GetValue(prompt), parsed.GetValue(tokens), parsed.GetValue(rounds));
            var remote = parsed.GetValue(url);
            var published = parsed.GetValue(shape);
            var configuration = settings.Read(
                parsed, extra: [("Runtime:Parallel", $"{plan.Streams[^1]}")],
                defaults:
                [
                    .. ModelCommandRun.Quiet, new($"{Gemma3ServerOptions.Section}:Runtime:ContextLength", $"{plan.ContextLength}"),

                    // Whether guesses hold says nothing about a model with random weights, and most of their rows would only be reserved.
                    .. published is null ? [] : (KeyValuePair<string, string?>[])[new($"{Gemma3ServerOptions.Section}:Engine:Speculation", "off")],
                ]);
            var error = parsed.InvocationConfiguration.Error;
            return ModelCommandRun.RunAsync(configuration, needsModel: remote is null && published is null, error, async options =>
            {
                var report = new BenchReport(CommandConsole.On(parsed.InvocationConfiguration.Output), plan);
                await BenchProgress.RunAsync(error, progress => remote is not null
                    ? MeasureRemoteAsync(remote, parsed.GetValue(key), plan, report, progress, cancellationToken)
                    : published is not null
                        ? MeasureShapeAsync(published, parsed.GetValue(folder)?.FullName ?? ShapeCheckpoint.FolderOf(Path.GetTempPath(), options.Models.Effective), options, configuration, plan, report, progress, cancellationToken)
                        : MeasureLocalAsync(options, configuration, plan, report, progress, cancellationToken));
                report.Print();
                return ExitCode.Ok;
            });
        });
        return command;
    }

    private static async Task MeasureRemoteAsync(
        Uri url, string? key, BenchPlan plan, BenchReport report, BenchProgress progress, CancellationToken cancellationToken)
    {
        using var http = ModelCommandRun.Connect(url, key);
        var client = new ChatCompletionsClient(http);
        var model = await client.FirstModelAsync(cancellationToken);
        report.Subject = $"{model} at {http.BaseAddress}";
        await BenchRun.RemoteAsync(client, model, plan, report, progress, cancellationToken);
    }

    /// <summary>Measures a shape: the memory is planned before anything is written, and compared with what the load took.</summary>
    private static async Task MeasureShapeAsync(
        string shape, string folder, Gemma3ServerOptions options, IConfiguration configuration, BenchPlan plan, BenchReport report, BenchProgress progress,
        CancellationToken cancellationToken)
    {
        // Read and not mapped: what is resident is then what it takes, and the file can go as soon as it is read.
        options = options with { Runtime = options.Runtime with { MemoryMap = false } };
        if (options.Runtime.ContextLength > 0) plan.RequireFits(options.Runtime.ContextLength);
        var planned = Plan(shape, options);
        if (planned.Shortage is { } shortage) throw new CommandFault(shortage);
        report.Memory = new(planned, () => CompositionRoot.MeasureMemory(options, NullLoggerFactory.Instance).GpuFree);
        using var checkpoint = await ShapeCheckpoint.WriteAsync(shape, folder, progress.Say, cancellationToken);
        await MeasureLocalAsync(
            options with { Model = options.Model with { Path = checkpoint.Path } }, configuration, plan, report, progress, cancellationToken, checkpoint.Dispose);
    }

    private static DevicePlan Plan(string shape, Gemma3ServerOptions options)
    {
        var planner = new CapacityPlanner(options, () => CompositionRoot.MeasureMemory(options, NullLoggerFactory.Instance));
        var context = options.Runtime.ContextLength;
        try
        {
            return planner.Plan(new PlanWishes { Shape = shape, Detect = true, Context = context > 0 ? context : null }).Data[0].Devices[0];
        }
        catch (PlanFault fault)
        {
            throw new CommandFault($"--{fault.Field} {fault.Problem}", ExitCode.WrongUsage);
        }
    }

    private static async Task MeasureLocalAsync(
        Gemma3ServerOptions options, IConfiguration configuration, BenchPlan plan, BenchReport report, BenchProgress progress,
        CancellationToken cancellationToken, Action? loaded = null)
    {
        if (options.Runtime.ContextLength > 0) plan.RequireFits(options.Runtime.ContextLength);
        progress.Say($"loading {options.Model.Path}");
        await using var server = await LocalServer.StartAsync(options, configuration, cancellationToken, report.Memory is { } memory ? memory.Begin : null);
        loaded?.Invoke();
        plan.RequireFits(server.Engine.Limits!.ContextLength); // --context 0 leaves the length to the model
        if (report.Memory is not null)
        {
            progress.Say("filling the buffers");
            await BenchRun.FillAsync(server, plan, cancellationToken);
            report.Memory.End();
        }

        using var native = server.CreateNativeBaseline();
        report.Subject = $"{server.Engine.Model!.Name} ({server.Engine.Model.Description}) on {native.Hardware}";
        await BenchRun.LocalAsync(server, native, plan, report, progress, cancellationToken);
    }

    private static void AtLeast(int least, params Option<int>[] options)
    {
        foreach (var option in options)
        {
            option.Validators.Add(result =>
            {
                if (Numbers(result).Any(n => n < least)) result.AddError($"{option.Name} must be at least {least}.");
            });
        }
    }

    /// <summary>The numbers among what was given; what is none is the parser's to report, and asking it for the value would throw.</summary>
    private static IEnumerable<int> Numbers(OptionResult result)
    {
        foreach (var token in result.Tokens)
            if (int.TryParse(token.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number)) yield return number;
    }
}
