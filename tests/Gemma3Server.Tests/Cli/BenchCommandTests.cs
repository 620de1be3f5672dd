using Gemma3Server.Cli;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Cli;

public sealed class BenchCommandTests
{
    [Fact]
    public async Task Bench_RunningServer_PrintsATableThatNamesIt()
    {
        await using var server = await TestServer.StartAsync();
        var url = server.Client.BaseAddress!.ToString();

        var run = await CommandRun.RunAsync("", "bench", "--url", url, "--streams", "1", "3", "--tokens", "8", "--prompt-tokens", "4", "--rounds", "2");

        Assert.True(run.Code == 0, run.Error);
        Assert.Contains($"{TestServer.ModelId} at {url}", run.Output, StringComparison.Ordinal);
        Assert.Contains("decode tok/s", run.Output, StringComparison.Ordinal);
        Assert.Equal(2, run.Output.Split('\n').Count(line => line.Contains("HTTP", StringComparison.Ordinal)));
        Assert.Equal(6, run.ErrorLines.Length); // a warm-up and two rounds, for one and for three streams
        Assert.Equal("3 streams, HTTP, round 2 of 2", run.ErrorLines[^1]);
    }

    [Fact]
    public async Task Bench_ServerRefuses_SaysWhyInOneLine()
    {
        await using var server = await TestServer.StartAsync(new Gemma3Server.Testing.FakeRuntimeOptions { ContextLength = 64 });

        var run = await CommandRun.RunAsync("", "bench", "--url", $"{server.Client.BaseAddress}", "--prompt-tokens", "100");

        Assert.Equal((1, ""), (run.Code, run.Output));
        Assert.StartsWith("400: ", run.ErrorLines[^1], StringComparison.Ordinal);
        Assert.Equal(2, run.ErrorLines.Length); // after the line that says what is measured
    }

    [Fact]
    public async Task Bench_ContextIsTooSmall_SaysSoBeforeLoading()
    {
        var file = Path.GetTempFileName();
        try
        {
            var run = await CommandRun.RunAsync("", "bench", "--model", file, "--context", "256", "--tokens", "512");

            Assert.Equal(2, run.Code);
            Assert.Equal("--context 256 cannot hold --prompt-tokens 64 and --tokens 512: it must be at least 640.", Assert.Single(run.ErrorLines));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Bench_ModelIsNoModel_SaysSoOnce()
    {
        var file = Path.GetTempFileName();
        try
        {
            var run = await CommandRun.RunAsync("", "bench", "--model", file);

            Assert.Equal(1, run.Code);
            Assert.Equal(2, run.ErrorLines.Length);
            Assert.Equal($"loading {file}", run.ErrorLines[0]);
            Assert.Contains(Path.GetFileName(file), run.ErrorLines[1], StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("--shape stands instead of --model and --url.", "--shape", "1b", "--model", "x.gguf")]
    [InlineData("--shape stands instead of --model and --url.", "--shape", "1b", "--url", "http://127.0.0.1:1")]
    [InlineData("--dir is for --shape.", "--dir", "x")]
    public async Task Bench_FlagsThatExcludeEachOther_AreWrongUsage(string message, params string[] arguments)
    {
        var run = await CommandRun.RunAsync("", ["bench", .. arguments]);
        Assert.Equal((2, message), (run.Code, run.ErrorLines[0]));
    }

    [Fact]
    public async Task Bench_ShapeThatNoMemoryHolds_IsRefusedBeforeItIsWritten()
    {
        var folder = Directory.CreateTempSubdirectory("gemma3server-bench-test-");
        try
        {
            var run = await CommandRun.RunAsync("", "bench", "--shape", "27b", "--streams", "256", "--context", "131072", "--dir", folder.FullName);
            Assert.Equal((1, ""), (run.Code, run.Output));
            Assert.Matches("^A context of 131072 positions for 256 sequences needs [0-9]+ MiB of (host|GPU) memory .* are free", Assert.Single(run.ErrorLines));
            Assert.Empty(folder.EnumerateFileSystemInfos());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Bench_ContextBeyondTheShapes_IsOneLine() => Assert.Equal(
        "--context must be at most 32768, which '1b' was trained for, but is 65536.",
        Assert.Single((await CommandRun.RunAsync("", "bench", "--shape", "1b", "--context", "65536")).ErrorLines));

    [Fact]
    public void FolderOf_TemporaryFilesInMemory_IsThatOfModels()
    {
        const string InMemory = "/dev/shm";
        Assert.Equal(AppContext.BaseDirectory, ShapeCheckpoint.FolderOf(AppContext.BaseDirectory, "/models"));
        if (!Directory.Exists(InMemory)) Assert.Skip($"This system has no {InMemory}.");
        Assert.Equal("/models", ShapeCheckpoint.FolderOf(InMemory, "/models"));
        Assert.Equal(InMemory, ShapeCheckpoint.FolderOf(InMemory, ""));
    }

    [Fact]
    public async Task Bench_ShapeIntoNoFolder_SaysSoInOneLine()
    {
        var file = Path.GetTempFileName();
        try
        {
            var run = await CommandRun.RunAsync("", "bench", "--shape", "tiny", "--dir", file);
            Assert.Equal((1, ""), (run.Code, run.Output));
            Assert.StartsWith($"A checkpoint of shape tiny cannot be written to '{file}': ", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData(12.5, false)]
    [InlineData(double.NaN, true)]
    public void Print_StreamsThatNeverRanTogether_SaysWhyThereIsNoRate(double rate, bool isExplained)
    {
        using var output = new StringWriter();
        var report = new BenchReport(CommandConsole.On(output), new BenchPlan([8], 64, 4, 1));
        report.Add(BenchRun.Http, new LoadResult(8, rate, [0.1], [0.01]));

        report.Print();

        Assert.Equal(isExplained, output.ToString().Contains("Give more --tokens.", StringComparison.Ordinal));
    }

    [Fact]
    public void RequireFits_TheContextOfItsOwn_Fits()
    {
        foreach (var tokens in new[] { 4, 128, 129, 4000 }) new BenchPlan([1], 64, tokens, 1).RequireFits(new BenchPlan([1], 64, tokens, 1).ContextLength);

        Assert.Throws<CommandFault>(() => new BenchPlan([1], 64, 128, 1).RequireFits(255));
    }
}
