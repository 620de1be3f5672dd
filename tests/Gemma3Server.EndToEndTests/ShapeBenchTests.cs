using System.Globalization;
using System.Text.RegularExpressions;
using Gemma3Server.Testing;

namespace Gemma3Server.EndToEndTests;

/// <summary><c>bench --shape</c> in a process of its own.</summary>
public sealed partial class ShapeBenchTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gemma3server-e2e-shape-");

    /// <summary>What the planner says of the host's memory against what is resident when every buffer has been used.</summary>
    [Fact]
    public async Task Bench_Shape_MeasuresSpeedTakesWhatWasPlannedAndLeavesNothing()
    {
        await using var bench = ServerProcess.Run(
        [
            "bench", "--shape", "270m", "--dir", _folder.FullName, "--streams", "4", "--context", "8192", "--prompt-tokens", "16", "--tokens", "8", "--rounds", "1", .. TestLibrary.HostOnly,
            "--threads", "1",
        ]);

        Assert.True(await bench.ExitCodeAsync() == 0, bench.Output);
        Assert.Contains("prefill", bench.Output, StringComparison.Ordinal);
        Assert.Equal(3, Row.Count(bench.Output)); // native loop, engine, HTTP
        var memory = Memory.Match(bench.Output);
        Assert.True(memory.Success, bench.Output);
        Assert.InRange(double.Parse(memory.Groups["planned"].ValueSpan, CultureInfo.InvariantCulture) / double.Parse(memory.Groups["taken"].ValueSpan, CultureInfo.InvariantCulture), 0.97, 1.03);
        Assert.Empty(_folder.EnumerateFileSystemInfos());
    }

    [Fact]
    public async Task Terminate_DuringTheWrite_SaysSoAndLeavesNothing()
    {
        await using var bench = ServerProcess.Run(["bench", "--shape", "4b", "--dir", _folder.FullName]);
        while (!_folder.EnumerateFiles("*", SearchOption.AllDirectories).Any(file => file.Length > 0)) await Task.Delay(20, TestContext.Current.CancellationToken);
        bench.Terminate();

        Assert.Equal(1, await bench.ExitCodeAsync());
        Assert.Equal("Stopped.", bench.ErrorLines[^1]);
        Assert.Empty(_folder.EnumerateFileSystemInfos());
    }

    public void Dispose() => _folder.Delete(recursive: true);

    [GeneratedRegex(@"^ +4 +(native loop|engine|HTTP) +[0-9.]+ ", RegexOptions.Multiline)]
    private static partial Regex Row { get; }

    [GeneratedRegex(@"host memory: (?<planned>\d+) MiB planned, (?<taken>\d+) MiB taken \(")]
    private static partial Regex Memory { get; }
}
