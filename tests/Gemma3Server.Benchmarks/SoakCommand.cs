using System.CommandLine;
using System.Globalization;
using Gemma3Server.Benchmarks.Soak;
using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Hosting;

namespace Gemma3Server.Benchmarks;

/// <summary><c>soak</c>: minutes of mixed load on a whole server, which must stay without error, leak and growth.</summary>
internal static class SoakCommand
{
    private const int ShownFaults = 20;

    /// <summary>
    /// Checkpoints may take a gigabyte by default and fill up over hours, which looks like a leak; with this they are full within the warm-up.
    /// </summary>
    private const long CheckpointBytes = 64 << 20;

    /// <inheritdoc cref="CheckpointBytes"/>
    private const long HostCacheBytes = 128 << 20;

    public static Command Create()
    {
        var minutes = new Option<int>("--minutes") { HelpName = "N", Description = "Length, in laps of a minute (default: 15)", DefaultValueFactory = _ => 15 };
        var users = new Option<int>("--users") { HelpName = "N", Description = "Clients at the same time (default: 12)", DefaultValueFactory = _ => 12 };
        var seed = new Option<int>("--seed") { HelpName = "N", Description = "Seed of the requests (default: 1)", DefaultValueFactory = _ => 1 };
        foreach (var option in new[] { minutes, users })
        {
            option.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<int>() < 1) result.AddError($"{option.Name} must be at least 1.");
            });
        }

        var command = new Command("soak", "Runs a mixed load with cancellations and bad requests, and checks what it leaves behind.") { minutes, users, seed };
        var settings = SettingOptions.AddTo(
            command, flag => flag.Key is "Model:Path" or "Runtime:GpuLayers" or "Runtime:Threads" or "Runtime:ContextLength" or "Runtime:Parallel");
        command.SetAction((parsed, cancellationToken) =>
        {
            var configuration = settings.Read(parsed, defaults:
            [
                .. ModelCommandRun.Quiet, Default("Runtime:Parallel", 8), Default("Runtime:ContextLength", 2048), Default("Engine:CheckpointBytes", CheckpointBytes),
                Default("Engine:HostCacheBytes", HostCacheBytes),
            ]);
            var plan = new SoakPlan
            {
                Laps = parsed.GetValue(minutes),
                LapTime = TimeSpan.FromMinutes(1),
                Users = parsed.GetValue(users),
                Seed = parsed.GetValue(seed),
            };
            var error = parsed.InvocationConfiguration.Error;
            return ModelCommandRun.RunAsync(configuration, needsModel: true, error, async options =>
            {
                SoakReport? report = null;
                await BenchProgress.RunAsync(error, async progress =>
                {
                    progress.Say($"loading {options.Model.Path}");
                    await using var server = await LocalServer.StartAsync(options, configuration, cancellationToken);
                    progress.Say("lap 1");
                    report = await new SoakRun(server, plan, progress.Say).RunAsync(cancellationToken);
                });
                return Print(report!, parsed.InvocationConfiguration.Output) ? ExitCode.Ok : ExitCode.CannotRun;
            });
        });
        return command;
    }

    /// <summary>Prints the report; whether all is well.</summary>
    private static bool Print(SoakReport report, TextWriter output)
    {
        var heapFlat = report.IsFlat(report.HeapSlope, sample => sample.HeapBytes, share: 0.05, megabytes: 4);
        var residentFlat = report.IsFlat(report.ResidentSlope, sample => sample.ResidentBytes, share: 0.05, megabytes: 16);
        output.WriteLine(string.Join(", ", report.Counts.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key} {pair.Value}")));
        output.WriteLine(
            $"{report.Engine.CompletionTokens} tokens, {report.Engine.CachedTokens} prompt tokens reused, {report.Engine.Cancelled} cancelled, "
            + $"{report.Engine.Preempted} gave way, {report.Engine.Swapped} of these by way of host memory");
        foreach (var sample in report.Samples)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {sample.Minutes,6:0.0} min  heap {sample.HeapBytes / 1048576.0,7:0.0} MiB  resident {sample.ResidentBytes / 1048576.0,7:0.0} MiB"));
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"growth after warm-up: heap {report.HeapSlope:+0.00;-0.00} MiB/min ({Word(report, heapFlat)}), resident {report.ResidentSlope:+0.00;-0.00} MiB/min ({Word(report, residentFlat)})"));
        output.WriteLine($"{report.Faults.Count} faults");
        foreach (var fault in report.Faults.Take(ShownFaults)) output.WriteLine($"  {fault}");
        return report.Faults.Count == 0 && heapFlat && residentFlat;
    }

    private static string Word(SoakReport report, bool flat) => report.Settled.Count < 2 ? "too short to tell" : flat ? "flat" : "grows";

    private static KeyValuePair<string, string?> Default(string key, long value) =>
        new($"{Gemma3ServerOptions.Section}:{key}", value.ToString(CultureInfo.InvariantCulture));
}
