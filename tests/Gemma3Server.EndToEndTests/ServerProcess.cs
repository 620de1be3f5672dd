using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Gemma3Server.Testing;

namespace Gemma3Server.EndToEndTests;

/// <summary>The real executable in a process of its own, as a user starts it, on a port of the system's choice.</summary>
internal sealed partial class ServerProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process)
    {
        _process = process;
        process.OutputDataReceived += (_, e) => Note(e.Data);
        process.ErrorDataReceived += (_, e) =>
        {
            if (e.Data is not null) _errors.Enqueue(e.Data);
            Note(e.Data);
        };
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => _address.TrySetException(new InvalidOperationException($"The server ended before it listened:\n{Output}"));
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>All lines it has printed so far.</summary>
    public string Output => string.Join('\n', _output);

    /// <summary>What an operator takes for errors: lines on standard error, and log lines of that level. Complete once it has ended.</summary>
    public string[] ErrorLines => [.. _errors, .. _output.Where(line => ErrorLogLine().IsMatch(line))];

    public int Id => _process.Id;

    public HttpClient Http { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    /// <summary>Starts the server and waits until it is ready to generate.</summary>
    public static async Task<ServerProcess> StartAsync(params string[] arguments)
    {
        var server = Run(["serve", "--port", "0", "--threads", "1", .. arguments]);
        await server.ListeningAsync();
        server.Http = new HttpClient { BaseAddress = server.Address, Timeout = Patience };
        await server.UntilAsync("health/ready", System.Net.HttpStatusCode.OK);
        return server;
    }

    /// <summary>Runs the program with any arguments; for starts that are meant to fail.</summary>
    /// <param name="arguments">The program's arguments.</param>
    /// <param name="through">A program, with its arguments, that runs it.</param>
    public static ServerProcess Run(string[] arguments, params string[] through)
    {
        string[] command = [.. through, "dotnet"];
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in command[1..]) start.ArgumentList.Add(argument);
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "gemma3server.dll"));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.WorkingDirectory = Path.GetTempPath();
        start.Environment["Gemma3__Responses__Path"] = ""; // nothing of a test stays on the machine
        if (TestLibrary.Directory is { } library) start.Environment["Gemma3__Runtime__LibraryDirectory"] = library;
        return new ServerProcess(new Process { StartInfo = start });
    }

    /// <summary>Waits until it listens; the model may still load.</summary>
    public async Task ListeningAsync() => Address = await _address.Task.WaitAsync(Patience);

    /// <summary>Waits for its end and returns its exit code.</summary>
    public async Task<int> ExitCodeAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return _process.ExitCode;
    }

    /// <summary>Sends SIGTERM, as <c>kill</c> and a container engine do.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    public async ValueTask DisposeAsync()
    {
        Http?.Dispose();
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    /// <summary>Waits until a GET of <paramref name="path"/> has <paramref name="status"/>: a signal takes effect when the process gets to it.</summary>
    public async Task UntilAsync(string path, System.Net.HttpStatusCode status)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            using var response = await Http.GetAsync(new Uri(path, UriKind.Relative), patience.Token);
            if (response.StatusCode == status) return;
            if (_process.HasExited) throw new InvalidOperationException($"The server ended before '{path}' answered {(int)status}:\n{Output}");
            await Task.Delay(20, patience.Token); // polling another process; no test outcome depends on the length
        }
    }

    private void Note(string? line)
    {
        if (line is null) return;
        _output.Enqueue(line);
        if (ListeningLine().Match(line) is { Success: true } match) _address.TrySetResult(new Uri(match.Groups[1].Value + "/"));
    }

    [GeneratedRegex(@"(http://127\.0\.0\.1:[0-9]+)")]
    private static partial Regex ListeningLine();

    [GeneratedRegex("^[0-9:.]+ (ERR|FTL) ")]
    private static partial Regex ErrorLogLine();
}
