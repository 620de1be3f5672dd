using Gemma3Server.Cli;
using Gemma3Server.Hosting;

namespace Gemma3Server.Tests.Cli;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--port 1 --bogus", "'--bogus'")]
    [InlineData("--log-level loud", "Must be one of: 'Verbose' 'Debug'")]
    [InlineData("--set Port", "--set takes Section:Key=Value, but got 'Port'.")]
    [InlineData("synth --shape 2b --out x", "'2b'")]
    [InlineData("synth --shape tiny", "--out")]
    [InlineData("synth --shape tiny --out x --seed -1", "--seed must be a whole number of at least 0, but is '-1'.")]
    [InlineData("bench --rounds many", "--rounds must be a whole number of at most 2147483647, but is 'many'.")]
    [InlineData("bench --rounds 99999999999", "--rounds must be a whole number of at most 2147483647, but is '99999999999'.")]
    [InlineData("bench --rounds 0", "--rounds must be at least 1.")]
    [InlineData("bench --streams 1 x", "--streams must be a whole number of at most 2147483647, but is 'x'.")]
    [InlineData("bench --streams 1 300", "--streams takes numbers from 1 to 256.")]
    [InlineData("chat --temperature hot", "--temperature must be a number, but is 'hot'.")]
    [InlineData("chat --max-tokens 1.5", "--max-tokens must be a whole number of at most 2147483647, but is '1.5'.")]
    public async Task Run_WrongFlags_SaysSoInOneLineWithHint(string arguments, string message)
    {
        var (code, output, error) = await RunAsync(arguments);
        Assert.Equal(2, code);
        Assert.Empty(output);
        Assert.Equal(2, error.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.EndsWith("Try 'gemma3server --help'." + Environment.NewLine, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Help_ListsAllFlags()
    {
        var (code, output, _) = await RunAsync("--help");
        Assert.Equal(0, code);
        Assert.All(SettingFlag.All, flag => Assert.Contains(flag.Name, output, StringComparison.Ordinal));
        Assert.Contains("synth", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_Version_PrintsIt() => Assert.Equal((0, ServedModel.Version + Environment.NewLine, ""), await RunAsync("--version"));

    [Fact]
    public async Task Run_FlagsAndSettings_ReachTheSettings()
    {
        // Each value is wrong, so that the faults tell where it arrived.
        var (code, _, error) = await RunAsync("--parallel -5 --set Runtime:FlashAttention=soft --api-key ok --set Engine:Nothing=1");
        Assert.Equal(2, code);
        Assert.Contains("Gemma3:Runtime:Parallel (--parallel) must be between 0 and 256, but is '-5'.", error, StringComparison.Ordinal);
        Assert.Contains("Gemma3:Runtime:FlashAttention must be one of auto, on, off, but is 'soft'.", error, StringComparison.Ordinal);
        Assert.Contains("Gemma3:Engine:Nothing is unknown", error, StringComparison.Ordinal);
        Assert.DoesNotContain("ApiKeys", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--model F serve", "--model must stand after the command: gemma3server serve --model ...")]
    [InlineData("--port 9000 --api-key k chat --url http://127.0.0.1:1", "--port, --api-key must stand after the command: gemma3server chat --port ...")]
    public async Task Run_FlagsBeforeACommand_AreRefused(string arguments, string message) =>
        Assert.Equal((2, "", message + Environment.NewLine), await RunAsync(arguments));

    [Fact]
    public async Task Run_SetWithTheNameThatIsPrinted_ReachesTheSetting()
    {
        var (_, _, error) = await RunAsync("--set Gemma3:Http:Port=-4 --set gemma3:Runtime:Threads=-5");
        Assert.Contains("Gemma3:Http:Port (--port) must be between 0 and 65535, but is '-4'.", error, StringComparison.Ordinal);
        Assert.Contains("but is '-5'.", error, StringComparison.Ordinal);
        Assert.DoesNotContain("unknown", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_SetOfTheLogger_ReachesTheLogger()
    {
        var model = Path.GetTempFileName();
        try
        {
            var (code, _, error) = await RunAsync($"--model {model} --set Serilog:MinimumLevel:Default=Loud");
            Assert.Equal(2, code);
            Assert.StartsWith("The settings are not usable: ", error, StringComparison.Ordinal);
            Assert.Contains("Loud", error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(model);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("serve ")]
    [InlineData("bench ")]
    public async Task Run_MalformedConfigFile_SaysSoInOneLine(string command)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "{\n,}", TestContext.Current.CancellationToken);
            var (code, _, error) = await RunAsync($"{command}--config {file}");
            Assert.Equal(2, code);
            Assert.StartsWith($"The settings file '{file}' is not valid JSON at line 2, position 1: ", error, StringComparison.Ordinal);
            Assert.Single(error.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Run_ConfigFile_IsReadAndFlagsWin()
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, """{"Gemma3":{"Http":{"Port":-1},"Runtime":{"Threads":-2}}}""", TestContext.Current.CancellationToken);
            var (code, _, error) = await RunAsync($"--config {file} --threads -3");
            Assert.Equal(2, code);
            Assert.Contains("but is '-1'", error, StringComparison.Ordinal);
            Assert.Contains("but is '-3'", error, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Synth_Tiny_WritesAFile()
    {
        var directory = Directory.CreateTempSubdirectory("gemma3server");
        try
        {
            var file = Path.Combine(directory.FullName, "tiny.gguf");
            var (code, output, error) = await RunAsync($"synth --shape tiny --out {file} --seed 5");
            Assert.Equal((0, ""), (code, error));
            Assert.Contains($"gemma3server --model {file}", output, StringComparison.Ordinal);
            Assert.Equal("GGUF"u8.ToArray(), (await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken))[..4]);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Synth_OutIsAFolder_SaysSo()
    {
        var (code, _, error) = await RunAsync($"synth --shape tiny --out {Path.GetTempPath()}");
        Assert.Equal(1, code);
        Assert.StartsWith("Cannot write ", error, StringComparison.Ordinal);
        Assert.Contains("it is a folder", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Synth_DirectoryIsMissing_MakesIt()
    {
        var directory = Directory.CreateTempSubdirectory("gemma3server");
        try
        {
            var file = Path.Combine(directory.FullName, "models", "new", "tiny.gguf");
            var (code, _, error) = await RunAsync($"synth --shape tiny --out {file}");
            Assert.Equal((0, ""), (code, error));
            Assert.True(File.Exists(file));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Synth_DirectoryCannotBeMade_SaysSo()
    {
        var occupied = Path.GetTempFileName();
        try
        {
            var (code, _, error) = await RunAsync($"synth --shape tiny --out {Path.Combine(occupied, "x.gguf")}");
            Assert.Equal(1, code);
            Assert.StartsWith("Cannot write ", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(occupied);
        }
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(string arguments)
    {
        await using var output = new StringWriter();
        await using var error = new StringWriter();
        var code = await CommandLine.RunAsync(arguments.Split(' '), output, error);
        return (code, output.ToString(), error.ToString());
    }
}
