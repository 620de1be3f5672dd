using System.Diagnostics;
using System.Text.Json;
using Gemma3Server.Tests.Hub;

namespace Gemma3Server.Tests.Cli;

/// <summary>The commands about models, as a user runs them: in a process of their own where the environment counts.</summary>
public sealed class PullCommandTests : IAsyncDisposable
{
    private const string Repository = "owner/mine-GGUF";
    private const string File = "mine-Q4_0.gguf";
    private const int Bytes = 3_000_000;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gemma3server-models-");
    private LocalHub? _hub;

    private string[] Entry =>
    [
        "--models-dir", _folder.FullName,
        "--set", "Catalog:mine:Source=home", "--set", "Catalog:mine:Aliases:0=gemma3:mine",
        "--set", $"Catalog:mine:Sources:home:Repository={Repository}", "--set", $"Catalog:mine:Sources:home:File:Path={File}",
        "--set", "Catalog:mine:Sources:other:Repository=open/mine", "--set", $"Catalog:mine:Sources:other:File:Path={File}",
    ];

    private string Pulled => Path.Combine(_folder.FullName, "owner", "mine-GGUF", File);

    [Fact]
    public async Task Pull_ListShowVerifyRm_AModelOfTheCatalog()
    {
        var hub = await StartAsync();
        var content = hub.Add(Repository, File, Bytes);
        var (code, output, error) = await RunAsync("pull", "gemma3:mine");
        Assert.Equal(0, code);
        Assert.Equal([$"Pulled: {Pulled} (3.0 MB)", "Serve it: gemma3server --model gemma3:mine"], Lines(output));
        var lines = Lines(error); // no terminal: plain lines, one where a phase begins and one where it ends
        Assert.Equal("asking the hub about owner/mine-GGUF", lines[0]);
        Assert.StartsWith($"{File}: 0 B of 3.0 MB", lines[1], StringComparison.Ordinal);
        Assert.StartsWith($"verifying {File}: 3.0 MB of 3.0 MB", lines[^1], StringComparison.Ordinal);
        Assert.DoesNotContain('\x1b', error);
        Assert.Equal(content, await System.IO.File.ReadAllBytesAsync(Pulled, TestContext.Current.CancellationToken));

        var list = await CommandRun.RunAsync("", ["list", .. Entry]);
        Assert.Contains(Lines(list.Output), line => line.StartsWith("mine", StringComparison.Ordinal) && line.Contains("home", StringComparison.Ordinal) && line.TrimEnd().EndsWith("3.0 MB  pulled", StringComparison.Ordinal));
        Assert.Contains(Lines(list.Output), line => line.StartsWith("27b", StringComparison.Ordinal));

        var show = await CommandRun.RunAsync("", ["show", "mine", .. Entry]);
        Assert.Contains($"  sha-256:  {LocalHub.Hash(content)}", Lines(show.Output));
        Assert.Contains($"  here:     {Pulled}", Lines(show.Output));

        Assert.Equal((0, $"good     {Pulled}\n"), await ResultAsync("verify"));
        content[^1] ^= 1;
        await System.IO.File.WriteAllBytesAsync(Pulled, content, TestContext.Current.CancellationToken);
        var verify = await CommandRun.RunAsync("", ["verify", "mine", .. Entry]);
        Assert.Equal((6, $"DAMAGED  {Pulled}\n"), (verify.Code, verify.Output));
        Assert.StartsWith("1 of 1 files are not what was pulled", verify.Error, StringComparison.Ordinal);

        Assert.Equal((0, "Removed mine: 1 file, 3.0 MB\n"), await ResultAsync("rm", "mine"));
        Assert.Equal([".locks"], Directory.EnumerateFileSystemEntries(_folder.FullName).Select(Path.GetFileName));
        Assert.Equal(4, (await CommandRun.RunAsync("", ["rm", "mine", .. Entry])).Code);
    }

    [Fact]
    public async Task Pull_OnATerminal_ShowsABar()
    {
        Assert.SkipUnless(System.IO.File.Exists("/usr/bin/script"), "there is no script to make a terminal with");
        var hub = await StartAsync();
        hub.Add(Repository, File, Bytes);
        using var process = Start(null, start =>
        {
            var command = string.Join(' ', start.ArgumentList.Prepend("dotnet").Select(argument => $"'{argument}'"));
            start.FileName = "script";
            start.ArgumentList.Clear();
            foreach (var argument in (string[])["-qec", command, "/dev/null"]) start.ArgumentList.Add(argument);
            start.Environment["TERM"] = "xterm-256color";
        }, "pull", "mine");
        var screen = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, screen);
        Assert.Contains("\x1b[", screen, StringComparison.Ordinal);
        Assert.Contains('%', screen);
        Assert.Contains($"Pulled: {Pulled} (3.0 MB)", screen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_AnyRepository_IsListedAndFoundByItsName()
    {
        var hub = await StartAsync();
        hub.Add("some/where", "a-Q4_0.gguf", 1000);
        hub.Add("some/where", "a-F16.gguf", 1000);
        Assert.Equal(0, (await RunAsync("pull", "some/where:F16")).Code);
        Assert.Contains("some/where", (await CommandRun.RunAsync("", ["list", .. Entry])).Output, StringComparison.Ordinal);
        Assert.Equal(0, (await CommandRun.RunAsync("", ["show", "some/where", .. Entry])).Code);
        Assert.Equal((0, "Removed some/where: 1 file, 1.0 kB\n"), await ResultAsync("rm", "some/where"));
    }

    [Fact]
    public async Task Pull_Json_IsAnObjectALine()
    {
        var hub = await StartAsync();
        var content = hub.Add(Repository, File, Bytes);
        var (code, output, error) = await RunAsync("pull", "mine", "--json");
        Assert.Equal((0, ""), (code, error));
        var lines = Lines(output).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(["resolving", "downloading", "verifying", "done"], lines.Select(line => line.GetProperty("event").GetString()).Distinct());
        Assert.Equal(LocalHub.Hash(content), lines[^1].GetProperty("sha256").GetString());
        Assert.All(lines.Where(line => line.GetProperty("event").GetString() == "downloading"), line => Assert.Equal(Bytes, line.GetProperty("total").GetInt64()));

        var gone = await RunAsync("pull", "mine", "--json", "--source", "other");
        Assert.Equal(4, gone.Code);
        var last = JsonDocument.Parse(Lines(gone.Output)[^1]).RootElement;
        Assert.Equal(("error", "not_found"), (last.GetProperty("event").GetString(), last.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Pull_Gated_NamesTheCopyThatIsNot()
    {
        var hub = await StartAsync();
        hub.Add(Repository, File, Bytes);
        hub.Token = "hf_secret";
        var refused = await RunAsync("pull", "mine");
        Assert.Equal(3, refused.Code);
        Assert.EndsWith("Or take the copy that needs neither: gemma3server pull mine --source other\n", refused.Error, StringComparison.Ordinal);

        var pulled = await RunAsAsync("hf_secret", "pull", "mine", "--log-level", "Verbose");
        Assert.Equal(0, pulled.Code);
        Assert.DoesNotContain("secret", pulled.Output + pulled.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pull minee", 2, "There is no model 'minee'; did you mean mine?")]
    [InlineData("pull mine --source no", 2, "--source must be one of home, other for mine, but is 'no'.")]
    [InlineData("pull a/b --source x", 2, "--source is for models of the catalog")]
    [InlineData("pull mine --connections 99", 2, "--connections must be between 1 and 16.")]
    [InlineData("pull mine --revision a..b", 2, "--revision must be a branch, tag or commit, but is 'a..b'.")]
    [InlineData("show a/b", 4, "Nothing of 'a/b' has been pulled; get it with: gemma3server pull a/b")]
    [InlineData("verify", 4, "No model has been pulled.")]
    [InlineData("serve --model mine", 1, "The model 'mine' has not been pulled into ")]
    [InlineData("serve --model gemma3:27", 1, "There is no file and no model 'gemma3:27' (Gemma3:Model:Path); did you mean gemma3:27b")]
    [InlineData("inspect mine", 1, "The model 'mine' has not been pulled into ")]
    [InlineData("perplexity --file x --model 27b", 1, "The model '27b' (17.2 GB) has not been pulled into ")]
    public async Task Run_WhatCannotBe_IsOneLineAndACode(string arguments, int code, string message)
    {
        string[] settings = arguments.StartsWith("perplexity", StringComparison.Ordinal) ? ["--set", $"Models:Directory={_folder.FullName}"] : Entry;
        var run = await CommandRun.RunAsync("", [.. arguments.Split(' '), .. settings]);
        Assert.Equal(code, run.Code);
        Assert.StartsWith(message, run.ErrorLines[0], StringComparison.Ordinal);
    }

    /// <summary>The hub's name is not known here: only a proxy can reach it.</summary>
    [Fact]
    public async Task Pull_ThroughAProxy_ReachesTheHub()
    {
        var hub = await StartAsync();
        hub.Redirects = false;
        hub.Add(Repository, File, Bytes);
        using var process = Start(null, start =>
        {
            start.Environment["HF_ENDPOINT"] = "http://hub.invalid/";
            start.Environment["http_proxy"] = hub.Endpoint.AbsoluteUri;
            start.Environment.Remove("NO_PROXY");
        }, "pull", "mine");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
        Assert.True(System.IO.File.Exists(Pulled));
    }

    /// <summary>A disk of 6 MB that somebody else fills while 5 MB are on their way.</summary>
    [Fact]
    public async Task Pull_DiskFillsUp_EndsWithItsCodeAndKeepsWhatCame()
    {
        Assert.SkipUnless(System.IO.File.Exists("/usr/bin/unshare"), "there is no unshare to mount a small disk with");
        using (var probe = Process.Start(new ProcessStartInfo("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", _folder.FullName]) { RedirectStandardError = true })!)
        {
            await probe.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.SkipUnless(probe.ExitCode == 0, "this user may not mount a small disk");
        }

        var hub = await StartAsync();
        hub.Add(Repository, File, 5_000_000);
        var filled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        hub.Gate = () => filled.Task;
        var part = Path.Combine(Path.GetDirectoryName(Pulled)!, ".pull", File + ".part");
        var script = $"""
            mount -t tmpfs -o size=6m tmpfs {_folder.FullName}
            "$@" & pull=$!
            until [ -e {part} ]; do sleep 0.02; done
            head -c 4000000 /dev/zero > {_folder.FullName}/filler
            echo filled
            wait $pull; code=$?
            [ -s {part} ] && echo kept
            exit $code
            """;
        using var process = Start(null, start =>
        {
            start.FileName = "unshare";
            string[] command = ["-rm", "sh", "-c", script, "sh", "dotnet", .. start.ArgumentList];
            start.ArgumentList.Clear();
            foreach (var argument in command) start.ArgumentList.Add(argument);
        }, "pull", "mine");
        Assert.Equal("filled", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        filled.SetResult();
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(7, process.ExitCode);
        Assert.EndsWith($"The disk is full: '{File}' does not fit. What has come is kept; make room and pull again.\n", error, StringComparison.Ordinal);
        Assert.Equal("kept\n", await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>SIGKILL while bytes are on their way, twice; then the pull goes on, and fetches less than all again.</summary>
    [Fact]
    public async Task Pull_KilledProcess_GoesOnFromItsJournal()
    {
        const int large = 100_000_000; // several commits of 16 MiB
        var hub = await StartAsync();
        var content = hub.Add(Repository, File, large);
        hub.ChunkBytes = 1 << 20;
        foreach (var limit in new[] { 40_000_000L, 75_000_000L })
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            hub.Gate = () =>
            {
                if (hub.Sent < limit) return Task.CompletedTask;
                reached.TrySetResult();
                return Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken); // nothing more comes, so that the kill is in the middle
            };
            using var process = Start(null, "pull", "mine", "--connections", "1");
            await reached.Task.WaitAsync(TestContext.Current.CancellationToken);
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.False(System.IO.File.Exists(Pulled));
        }

        hub.Gate = () => Task.CompletedTask;
        Assert.Contains("partial", (await CommandRun.RunAsync("", ["list", .. Entry])).Output, StringComparison.Ordinal);
        var before = hub.Sent;
        Assert.Equal(0, (await RunAsync("pull", "mine")).Code);
        Assert.Equal(LocalHub.Hash(content), LocalHub.Hash(await System.IO.File.ReadAllBytesAsync(Pulled, TestContext.Current.CancellationToken)));
        Assert.True(hub.Sent - before < large, "everything was fetched again");
    }

    [Fact]
    public async Task Pull_TwoProcesses_MakeOneDownload()
    {
        var hub = await StartAsync();
        hub.Add(Repository, File, Bytes);
        var second = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        hub.Gate = () => second.Task;
        using var first = Start(null, "pull", "mine");
        using var other = Start(null, "pull", "mine");
        foreach (var process in new[] { first, other }) process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data?.StartsWith("another pull is fetching", StringComparison.Ordinal) == true) second.TrySetResult();
        };
        var outputs = new List<string>();
        foreach (var process in new[] { first, other })
        {
            process.OutputDataReceived += (_, e) =>
            {
                lock (outputs) if (e.Data is not null) outputs.Add(e.Data);
            };
            process.BeginErrorReadLine();
            process.BeginOutputReadLine();
        }

        await first.WaitForExitAsync(TestContext.Current.CancellationToken);
        await other.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal((0, 0), (first.ExitCode, other.ExitCode));
        Assert.Equal(Bytes, hub.Sent);
        Assert.Single(outputs, line => line.StartsWith("Pulled: ", StringComparison.Ordinal));
        Assert.Single(outputs, line => line.StartsWith("Already here: ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pull_CtrlC_EndsCleanlyAndSaysHowToGoOn()
    {
        var hub = await StartAsync();
        hub.Add(Repository, File, Bytes);
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        hub.Gate = () =>
        {
            if (hub.Sent < Bytes / 2) return Task.CompletedTask;
            reached.TrySetResult();
            return Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken);
        };
        using var process = Start(null, "pull", "mine");
        await reached.Task.WaitAsync(TestContext.Current.CancellationToken);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(130, process.ExitCode);
        Assert.EndsWith("Stopped. What has come is kept; the same command goes on from there: gemma3server pull mine\n", error, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (_hub is not null) await _hub.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task<LocalHub> StartAsync() => _hub = await LocalHub.StartAsync();

    private async Task<(int Code, string Output)> ResultAsync(params string[] arguments)
    {
        var run = await CommandRun.RunAsync("", [.. arguments, .. Entry]);
        return (run.Code, run.Output);
    }

    private Process Start(string? token, params string[] arguments) => Start(token, _ => { }, arguments);

    private Process Start(string? token, Action<ProcessStartInfo> change, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "gemma3server.dll"), .. arguments, .. Entry]) start.ArgumentList.Add(argument);
        start.Environment["HF_ENDPOINT"] = _hub!.Endpoint.AbsoluteUri;
        start.Environment["HF_HOME"] = _folder.FullName; // no token of whoever runs the tests
        start.Environment["NO_PROXY"] = "127.0.0.1,localhost";
        start.Environment.Remove("HF_TOKEN");
        start.Environment.Remove("HF_TOKEN_PATH");
        if (token is not null) start.Environment["HF_TOKEN"] = token;
        change(start);
        return Process.Start(start)!;
    }

    private Task<CommandRun> RunAsync(params string[] arguments) => RunAsAsync(null, arguments);

    private async Task<CommandRun> RunAsAsync(string? token, params string[] arguments)
    {
        using var process = Start(token, arguments);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new(process.ExitCode, await output, await error);
    }
}
