using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Gemma3Server.EndToEndTests;

/// <summary>Start and stop of the real executable: what an operator and a container engine see.</summary>
public sealed class ServerLifecycleTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Terminate_WithRunningStream_FinishesItRefusesNewOnesAndExitsZero()
    {
        await using var server = await ServerProcess.StartAsync("--model", Checkpoints.Path("270m"), "--parallel", "2", "--context", "2048");
        await using var running = await ChatStream.OpenAsync(server.Http, maxTokens: 120);
        await running.ReadTextAsync(3, Cancellation);

        server.Terminate();
        // The listener still answers while it drains; the refusal is what a load balancer needs to see.
        await server.UntilAsync("health/ready", HttpStatusCode.ServiceUnavailable);
        var refused = await server.Http.PostAsJsonAsync("v1/chat/completions", ChatStream.Body(maxTokens: 1), Cancellation);
        var ready = await server.Http.GetAsync("health/ready", Cancellation);
        var rest = await running.ReadToEndAsync(Cancellation);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        Assert.True(rest.Done, "the running stream was cut off");
        Assert.Equal(120, rest.CompletionTokens);
        Assert.Equal(0, await server.ExitCodeAsync());
    }

    [Fact]
    public async Task Terminate_StreamLongerThanTheDrainTimeout_EndsItWithAnErrorEventAndExitsZero()
    {
        await using var server = await ServerProcess.StartAsync(
            "--model", Checkpoints.Path("270m"), "--parallel", "1", "--context", "8192", "--set", "Http:DrainTimeout=1");
        await using var running = await ChatStream.OpenAsync(server.Http, maxTokens: 8000);
        await running.ReadTextAsync(1, Cancellation);

        server.Terminate();
        var rest = await running.ReadToEndAsync(Cancellation);

        Assert.False(rest.Done && rest.CompletionTokens == 8000);
        Assert.NotNull(rest.Error);
        Assert.Equal(0, await server.ExitCodeAsync());
        Assert.Empty(server.ErrorLines); // an interruption that was asked for is no fault
    }

    [Fact]
    public async Task Start_PortInUse_OneClearLineAndNonZeroExit()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        await using var server = ServerProcess.Run(["serve", "--model", Checkpoints.Path("tiny"), "--port", $"{port}"]);

        Assert.NotEqual(0, await server.ExitCodeAsync());
        AssertOneClearError(server, $"{port}", "the port is in use");
    }

    [Fact]
    public async Task Start_MissingModel_SaysWhatToDo()
    {
        await using var server = ServerProcess.Run(["serve", "--model", "no-such-file.gguf", "--port", "0"]);

        Assert.NotEqual(0, await server.ExitCodeAsync());
        AssertOneClearError(server, "no-such-file.gguf", "does not exist");
        Assert.Contains("synth", server.ErrorLines[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(100)]
    [InlineData(200_000)]
    public async Task Start_TruncatedCheckpoint_OneClearLineAndNonZeroExit(int bytes)
    {
        var path = Checkpoints.Truncated("tiny", bytes);

        await using var server = ServerProcess.Run(["serve", "--model", path, "--port", "0"]);

        Assert.NotEqual(0, await server.ExitCodeAsync());
        AssertOneClearError(server, Path.GetFileName(path), "is not a usable GGUF file");
    }

    [Fact]
    public async Task Start_DirectoryAsModel_OneClearLineAndNonZeroExit()
    {
        await using var server = ServerProcess.Run(["serve", "--model", Path.GetTempPath(), "--port", "0"]);

        Assert.NotEqual(0, await server.ExitCodeAsync());
        AssertOneClearError(server, Path.GetTempPath().TrimEnd('/'), "is a directory");
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task Start_UnreadableModel_OneClearLineAndNonZeroExit()
    {
        // Root may read every file, unless it gives that privilege up.
        string[] through = Environment.IsPrivilegedProcess ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : [];
        Assert.SkipUnless(through.Length == 0 || CanRun(through), "root can read every file here, and setpriv cannot take that away");
        var path = Checkpoints.Truncated("tiny", 200_000);
        var mode = File.GetUnixFileMode(path);
        File.SetUnixFileMode(path, UnixFileMode.None);
        try
        {
            await using var server = ServerProcess.Run(["serve", "--model", path, "--port", "0"], through);

            Assert.NotEqual(0, await server.ExitCodeAsync());
            AssertOneClearError(server, Path.GetFileName(path), "denied: let the server's user read it");
        }
        finally
        {
            File.SetUnixFileMode(path, mode);
        }
    }

    [Fact]
    public async Task Terminate_WhileLoading_ExitsZeroWithoutAnError()
    {
        await using var server = ServerProcess.Run(["serve", "--model", Checkpoints.Path("1b"), "--port", "0"]);
        await server.ListeningAsync(); // it loads from now on

        server.Terminate();

        Assert.Equal(0, await server.ExitCodeAsync());
        Assert.Empty(server.ErrorLines);
    }

    [Fact]
    public async Task Terminate_DuringSynth_SaysSoAndLeavesNoFile()
    {
        var folder = Directory.CreateTempSubdirectory("gemma3server-e2e-synth-");
        try
        {
            await using var synth = ServerProcess.Run(["synth", "--shape", "4b", "--out", Path.Combine(folder.FullName, "gemma.gguf")]);
            while (folder.GetFiles().Length == 0) await Task.Delay(5, Cancellation); // polling another process; the file comes or the test's time ends

            synth.Terminate();

            Assert.Equal(1, await synth.ExitCodeAsync());
            Assert.StartsWith("Stopped; ", Assert.Single(synth.ErrorLines), StringComparison.Ordinal);
            Assert.Empty(folder.GetFiles());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Start_SeveralInvalidSettings_ReportsAllAtOnce()
    {
        await using var server = ServerProcess.Run(["serve", "--model", Checkpoints.Path("tiny"), "--port", "70000", "--parallel", "257", "--context", "-5"]);

        Assert.NotEqual(0, await server.ExitCodeAsync());
        Assert.Collection(
            server.ErrorLines.Order(StringComparer.Ordinal),
            line => Assert.Contains("--port", line, StringComparison.Ordinal),
            line => Assert.Contains("--context", line, StringComparison.Ordinal),
            line => Assert.Contains("--parallel", line, StringComparison.Ordinal));
    }

    /// <summary>One line says what is wrong and with what; the log's other lines, which may hold the name too, do not count.</summary>
    private static void AssertOneClearError(ServerProcess server, string name, string reason)
    {
        Assert.True(server.ErrorLines.Length == 1, server.Output);
        Assert.Contains(name, server.ErrorLines[0], StringComparison.Ordinal);
        Assert.Contains(reason, server.ErrorLines[0], StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", server.Output, StringComparison.Ordinal); // no stack trace
        Assert.DoesNotContain("Unhandled exception", server.Output, StringComparison.Ordinal);
    }

    private static bool CanRun(string[] command)
    {
        try
        {
            using var process = Process.Start(command[0], [.. command[1..], "true"]);
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // not installed
        }
    }
}
