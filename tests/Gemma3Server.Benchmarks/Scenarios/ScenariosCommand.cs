using System.CommandLine;
using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary><c>scenarios</c>: every mechanism of the engine beside the bare native loop and beside itself switched off, in one run.</summary>
internal static class ScenariosCommand
{
    public static Command Create()
    {
        string[] names = [.. ScenarioSet.Create(new(1)).Select(scenario => scenario.Name)];
        var only = new Option<string[]>("--only")
        {
            HelpName = "NAME",
            Description = $"Scenarios to run, of: {string.Join(", ", names)} (default: all)",
            AllowMultipleArgumentsPerToken = true,
        };
        only.AcceptOnlyFromAmong(names);
        var json = new Option<FileInfo?>("--json") { HelpName = "FILE", Description = "File for all numbers of all rounds; written anew after each scenario" };
        var scale = new Option<double>("--scale") { HelpName = "X", Description = "Factor on all lengths, 0.01 to 4 (default: 1)", DefaultValueFactory = _ => 1 };
        scale.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0.01 and <= 4)) result.AddError("--scale must be from 0.01 to 4.");
        });
        var off = new Option<string[]>("--off")
        {
            HelpName = "KEY=VALUE",
            Description = "Settings of every off side, instead of each scenario's own, such as Runtime:SharedCells=true; may be repeated",
        };
        off.Validators.Add(result =>
        {
            if (result.Tokens.Any(token => token.Value.IndexOf('=', StringComparison.Ordinal) <= 0)) result.AddError("--off takes Section:Key=Value.");
        });
        var command = new Command("scenarios", "Runs the engine's scenarios beside the native loop and beside the feature switched off.") { only, json, scale, off };
        var settings = SettingOptions.AddTo(command, flag => flag.Key is "Model:Path" or "Model:DraftPath" or "Runtime:GpuLayers" or "Runtime:Threads");
        command.SetAction((parsed, cancellationToken) =>
        {
            var configuration = settings.Read(parsed, defaults: ModelCommandRun.Quiet);
            var error = parsed.InvocationConfiguration.Error;
            return ModelCommandRun.RunAsync(configuration, needsModel: true, error, async options =>
            {
                // The file that was found for a name, or for none.
                (string, string) model = ("Model:Path", options.Model.Path!);
                var sides = new ScenarioSettings(
                    extra => settings.Read(parsed, extra.Append(model), ModelCommandRun.Quiet), [.. (parsed.GetValue(off) ?? []).Select(Split)]);
                var factor = new Scale(parsed.GetValue(scale));
                var results = new List<ScenarioResult>();
                var subject = "";
                await BenchProgress.RunAsync(error, async progress =>
                {
                    var run = new ScenarioRun(sides, progress);
                    foreach (var (index, scenario) in ScenarioSet.Create(factor).Index())
                    {
                        if (parsed.GetValue(only) is { Length: > 0 } chosen && !chosen.Contains(scenario.Name)) continue;
                        if (scenario.NeedsDraft && string.IsNullOrWhiteSpace(options.Model.DraftPath))
                        {
                            progress.Say($"{scenario.Name}: left out, for no --draft is given");
                            continue;
                        }

                        results.Add(await run.RunAsync(scenario, index, cancellationToken));
                        subject = run.Subject;
                        if (parsed.GetValue(json) is { } file) ScenarioJson.Write(file, subject, factor, results);
                    }
                });
                ScenarioReport.Print(CommandConsole.On(parsed.InvocationConfiguration.Output), subject, factor, results);
                return ExitCode.Ok;
            });
        });
        return command;
    }

    private static (string Key, string Value) Split(string setting)
    {
        var cut = setting.IndexOf('=', StringComparison.Ordinal);
        return (setting[..cut], setting[(cut + 1)..]);
    }
}
