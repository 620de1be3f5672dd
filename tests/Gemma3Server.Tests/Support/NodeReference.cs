using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gemma3Server.Tests.Support;

/// <summary>
/// The published template and the real tokenizer, in one Node process that answers line by line. The build installs the pinned packages.
/// </summary>
public sealed class NodeReference : IAsyncLifetime
{
    private const string Advice = "These tests need Node.js 20 or newer with npm (see the README's prerequisites).";

    private readonly Lock _gate = new();
    private Process? _process;

    public ValueTask InitializeAsync()
    {
        _process = Start("node", "reference.mjs");
        return ValueTask.CompletedTask;
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
