using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary><c>bench</c>: one stream and N streams on the bare native loop, the engine and HTTP, in turn within one run.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        var url = CommandConsole.UrlOption("Measure a running server over HTTP only; it may be any OpenAI-compatible one");
        var key = new Option<string?>("--api-key") { HelpName = "KEY", Description = "The running server's key" };
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
            url, key, streams, prompt, tokens, rounds,
        };
        var settings = SettingOptions.AddTo(command, flag => flag.Key is "Model:Path" or "Runtime:GpuLayers" or "Runtime:Threads" or "Runtime:ContextLength");
        command.SetAction((parsed, cancellationToken) =>
        {
            var plan = new BenchPlan(
                [.. parsed.GetValue(streams)!.Distinct().Order()], parsed.GetValue(prompt), parsed.GetValue(tokens), parsed.GetValue(rounds));
            var remote = parsed.GetValue(url);
            var configuration = settings.Read(
                parsed, extra: [("Runtime:Parallel", $"{plan.Streams[^1]}")],
                defaults: [.. ModelCommandRun.Quiet, new($"{Gemma3ServerOptions.Section}:Runtime:ContextLength", $"{plan.ContextLength}")]);
            var error = parsed.InvocationConfiguration.Error;
            return ModelCommandRun.RunAsync(configuration, needsModel: remote is null, error, async options =>
            {
                var report = new BenchReport(CommandConsole.On(parsed.InvocationConfiguration.Output), plan);
                await BenchProgress.RunAsync(error, progress => remote is not null
                    ? MeasureRemoteAsync(remote, parsed.GetValue(key), plan, report, progress, cancellationToken)
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

    private static async Task MeasureLocalAsync(
        Gemma3ServerOptions options, IConfiguration configuration, BenchPlan plan, BenchReport report, BenchProgress progress,
        CancellationToken cancellationToken)
    {
        if (options.Runtime.ContextLength > 0) plan.RequireFits(options.Runtime.ContextLength);
        progress.Say($"loading {options.Model.Path}");
        await using var server = await LocalServer.StartAsync(options, configuration, cancellationToken);
        plan.RequireFits(server.Engine.Limits!.ContextLength); // --context 0 leaves the length to the model
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
