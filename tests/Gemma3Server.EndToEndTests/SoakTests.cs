using Gemma3Server.Benchmarks.Soak;
using Gemma3Server.Cli;
using Gemma3Server.Hosting;

namespace Gemma3Server.EndToEndTests;

/// <summary>A short version of <c>soak</c>, bounded by requests: about a minute on two cores. The long one is run by hand.</summary>
public sealed class SoakTests
{
    /// <summary>With shared cells there are too few of them, so that requests give way all the time.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Soak_MixedLoadWithCancellations_LeavesNoFaultAndNoBusySequence(bool sharedCells)
    {
        var cancellation = TestContext.Current.CancellationToken;
        var configuration = ServerConfiguration.Create(null, ModelCommandRun.Quiet,
        [
            new("Gemma3:Model:Path", Checkpoints.Path("tiny")), new("Gemma3:Runtime:Parallel", "4"), new("Gemma3:Runtime:ContextLength", "1024"),
            new("Gemma3:Runtime:Threads", "1"), new("Gemma3:Runtime:SharedCells", $"{sharedCells}"), new("Gemma3:Runtime:SharedCellCount", "1024"),
            new("Gemma3:Engine:ReserveTokens", "0"),
        ]);
        var (options, faults) = SettingsReader.Read(configuration);
        Assert.Empty(faults);
        await using var server = await LocalServer.StartAsync(options, configuration, cancellation);
        var plan = new SoakPlan { Laps = 2, LapRequests = 200, Users = 8 };
        var output = TestContext.Current.TestOutputHelper;

        var report = await new SoakRun(server, plan, line => output?.WriteLine(line)).RunAsync(cancellation);

        Assert.True(report.Faults.Count == 0, string.Join("\n", report.Faults));
        Assert.Equal(plan.Laps * plan.LapRequests, report.Counts.Values.Sum());
        Assert.Equal(Enum.GetValues<SoakKind>(), report.Counts.Keys.Order());
        Assert.Equal((0, 0), (server.Engine.Statistics.Running, server.Engine.Statistics.Waiting));

        Assert.Equal(sharedCells, report.Engine.Preempted > 0);
        output?.WriteLine($"{report.Engine.Preempted} gave way, {report.Engine.Swapped} by way of host memory");

        // Other tests share this process, so its memory is shown and not judged; the long soak judges it.
        output?.WriteLine($"heap {report.HeapSlope:+0.0;-0.0} MiB/min, resident {report.ResidentSlope:+0.0;-0.0} MiB/min after warm-up");
    }
}
