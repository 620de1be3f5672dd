using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gemma3Server.Tests.Support;

/// <summary>
/// The published template and the real tokenizer, in one Node process that answers line by line. The pinned packages are installed on first
/// use and again when the lock file changes.
/// </summary>
public sealed class NodeReference : IAsyncLifetime
{
    private const string Advice = "These tests need Node.js 20 or newer with npm (see the README's prerequisites).";

    private readonly Lock _gate = new();
    private Process? _process;

    public async ValueTask InitializeAsync()
    {
        await InstallAsync();
        _process = Start("node", "reference.mjs");
    }

    public ValueTask DisposeAsync()
    {
        if (_process is { } process)
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Asks one question; thread-safe.</summary>
    public JsonNode Ask(JsonObject question)
    {
        lock (_gate)
        {
            _process!.StandardInput.WriteLine(question.ToJsonString());
            _process.StandardInput.Flush();
            var line = _process.StandardOutput.ReadLine();
            return JsonNode.Parse(line ?? throw new InvalidOperationException("The reference process ended; its error output says why."))!;
        }
    }

    public int[] Tokens(string question, string text) => Ask(new() { [question] = text })["ids"].Deserialize<int[]>()!;

    private static async Task InstallAsync()
    {
        var modules = Path.Combine(Repository.Reference, "node_modules");
        var stamp = Path.Combine(modules, ".installed");
        var wanted = Convert.ToHexString(SHA256.HashData(await File.ReadAllBytesAsync(Path.Combine(Repository.Reference, "package-lock.json"))));

        // Two test runs of one tree must not install at once; the file's lock is the mutex.
        await using var mutex = await LockAsync(Path.Combine(Repository.Reference, "node_modules.lock"));
        if (File.Exists(stamp) && await File.ReadAllTextAsync(stamp) == wanted) return;
        using var npm = OperatingSystem.IsWindows() ? Start("cmd", "/c", "npm", "ci", "--loglevel=error") : Start("npm", "ci", "--loglevel=error");
        var output = await npm.StandardOutput.ReadToEndAsync();
        await npm.WaitForExitAsync();
        if (npm.ExitCode != 0) throw new InvalidOperationException($"'npm ci' in tests/Gemma3Server.Tests/reference failed: {output}");
        await File.WriteAllTextAsync(stamp, wanted);
    }

    private static async Task<FileStream> LockAsync(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
            catch (IOException)
            {
                await Task.Delay(200, TestContext.Current.CancellationToken);
            }
        }
    }

    private static Process Start(string program, params string[] arguments)
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var info = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Repository.Reference,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            StandardInputEncoding = utf8,
            StandardOutputEncoding = utf8,
        };
        try
        {
            return Process.Start(info)!;
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException($"'{program}' could not be started. {Advice}", exception);
        }
    }
}
