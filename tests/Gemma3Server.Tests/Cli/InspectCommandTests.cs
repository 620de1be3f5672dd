using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Cli;

public sealed class InspectCommandTests : IDisposable
{
    private static readonly string Pocket = Path.Combine(Repository.Root, "src/Gemma3Server/Models/gemma-3-pocket-it-qat-q4_0.gguf");
    private readonly string _folder = Directory.CreateTempSubdirectory("gemma3server-inspect-").FullName;

    [Fact]
    public async Task Inspect_PocketModel_PrintsShapeMixTokenizerAndHealth()
    {
        var run = await CommandRun.RunAsync("", "inspect", Pocket);
        Assert.Equal((0, ""), (run.Code, run.Error));
        foreach (var expected in (string[])["architecture", "gemma3", "attention.sliding_window", "Q4_0", "4.50", "TokenEmbeddings", "eot 106", "The doctor finds nothing."])
            Assert.Contains(expected, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_Json_HasTheBytes()
    {
        var run = await CommandRun.RunAsync("", "inspect", Pocket, "--json");
        var root = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(new FileInfo(Pocket).Length, root.GetProperty("file_bytes").GetInt64());
        Assert.Equal(root.GetProperty("tensor_bytes").GetInt64(), root.GetProperty("by_type").EnumerateArray().Sum(share => share.GetProperty("bytes").GetInt64()));
    }

    [Fact]
    public async Task Inspect_TruncatedFile_IsOneLine()
    {
        var path = Path.Combine(_folder, "cut.gguf");
        await File.WriteAllBytesAsync(path, (await File.ReadAllBytesAsync(Pocket, TestContext.Current.CancellationToken))[..100_000], TestContext.Current.CancellationToken);
        var run = await CommandRun.RunAsync("", "inspect", path);
        Assert.Equal((1, ""), (run.Code, run.Output));
        Assert.Contains("truncated?", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--repack", "q8_0")]
    [InlineData("--out", "x.gguf")]
    [InlineData("--force", null)]
    public async Task Inspect_FlagsThatNeedEachOther_AreWrongUsage(string flag, string? value) =>
        Assert.Equal(2, (await CommandRun.RunAsync("", value is null ? ["inspect", Pocket, flag] : ["inspect", Pocket, flag, value])).Code);

    [Fact]
    public async Task Inspect_RepackOfWhatNeedsNone_SaysSo()
    {
        var run = await CommandRun.RunAsync("", "inspect", Pocket, "--repack", "q6_k", "--out", Path.Combine(_folder, "out.gguf"));
        Assert.Equal(1, run.Code);
        Assert.Contains("cannot be repacked", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
