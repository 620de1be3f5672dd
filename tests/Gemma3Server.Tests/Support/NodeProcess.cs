using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace Gemma3Server.Tests.Support;

/// <summary>A Node script that answers questions line by line, in one process. The build installs its pinned packages.</summary>
/// <param name="folder">Where script and packages lie.</param>
/// <param name="script">The script's name.</param>
public abstract class NodeProcess(string folder, string script) : IAsyncLifetime
{
    private const string Advice = "These tests need Node.js 20 or newer with npm (see the README's prerequisites).";

    private readonly Lock _gate = new();
    private Process? _process;

    public ValueTask InitializeAsync()
    {
        _process = Start("node", script);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
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
            return JsonNode.Parse(line ?? throw new InvalidOperationException("The Node process ended; its error output says why."))!;
        }
    }

    private Process Start(string program, params string[] arguments)
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var info = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
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
