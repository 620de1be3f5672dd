using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Gemma3Server.Cli.Chat;

/// <summary>A conversation in a terminal: reads lines, streams answers, keeps the history.</summary>
/// <remarks>
/// For a person, lines that start with a slash are commands, and an answer that is cut short or fails stays out of the history. Piped lines
/// are all questions, and the first failure ends the conversation, since what follows would be answered without it.
/// </remarks>
internal sealed class ChatTerminal(ChatCompletionsClient client, string model, IAnsiConsole console, TextReader input, ChatTerminalOptions options)
{
    private readonly List<(string Role, string Content)> _history = [];
    private string? _system = options.System;

    /// <summary>Runs until the input ends, <c>/exit</c>, or cancellation while no answer is running.</summary>
    /// <param name="beginAnswer">Opens the scope of the answer about to start.</param>
    /// <param name="cancellationToken">Ends the conversation.</param>
    /// <exception cref="HttpRequestException">A piped question was not answered.</exception>
    /// <exception cref="OperationCanceledException">The answer to a piped question was stopped.</exception>
    public async Task RunAsync(Func<AnswerScope> beginAnswer, CancellationToken cancellationToken)
    {
        if (options.Interactive) console.MarkupLineInterpolated($"[grey]{model} - /help lists the commands, Ctrl-C stops an answer, Ctrl-D ends[/]");
        while (!cancellationToken.IsCancellationRequested)
        {
            if (options.Interactive) console.Markup("[green]you>[/] ");
            var line = await ReadAsync(cancellationToken).ConfigureAwait(false);
            if (line is null || (options.Interactive && line.Trim() == "/exit")) return;
            if (options.Interactive && line.TrimStart().StartsWith('/')) Command(line.Trim());
            else if (!string.IsNullOrWhiteSpace(line)) await AnswerAsync(line, beginAnswer).ConfigureAwait(false);
        }
    }

    private async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            // The console's own asynchronous read blocks until Enter; so the read is left behind, with the process soon, when Ctrl-C ends the chat.
            return await Task.Run(input.ReadLine, CancellationToken.None).WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            if (options.Interactive) console.WriteLine();
            return null;
        }
    }

    private void Command(string line)
    {
        var (name, argument) = line.Split(' ', 2) is [var first, var rest] ? (first, rest.Trim()) : (line, "");
        switch (name)
        {
            case "/reset":
                _history.Clear();
                console.MarkupLine("[grey]The conversation starts anew.[/]");
                break;
            case "/system":
                _system = argument.Length > 0 ? argument : null;
                _history.Clear();
                console.MarkupLine(_system is null ? "[grey]No system message; the conversation starts anew.[/]"
                    : "[grey]System message set; the conversation starts anew.[/]");
                break;
            default:
                console.MarkupLine("[grey]/system TEXT  set (or clear) the system message and start anew\n"
                    + "/reset        start anew\n/exit         leave[/]");
                break;
        }
    }

    private async Task AnswerAsync(string question, Func<AnswerScope> beginAnswer)
    {
        using var scope = beginAnswer();
        var answer = new StringBuilder();
        var watch = Stopwatch.StartNew();
        var tokens = 0;
        try
        {
            await foreach (var chunk in client.StreamAsync(Body(question), scope.Token).ConfigureAwait(false))
            {
                if (ChatCompletionsClient.Content(chunk) is { } text)
                {
                    answer.Append(text);
                    console.Profile.Out.Writer.Write(text); // as it is: the model's text is no markup
                    console.Profile.Out.Writer.Flush();
                }

                if (chunk.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
                    tokens = usage.GetProperty("completion_tokens").GetInt32();
            }

            console.WriteLine();
            _history.Add(("user", question));
            _history.Add(("assistant", answer.ToString()));
            if (options.Interactive) console.MarkupLineInterpolated($"[grey]{tokens} tokens, {tokens / watch.Elapsed.TotalSeconds:0.0} per second[/]");
        }
        catch (OperationCanceledException) when (options.Interactive)
        {
            console.WriteLine();
            console.MarkupLine("[yellow]stopped[/]");
        }
        catch (HttpRequestException e) when (options.Interactive)
        {
            console.WriteLine();
            console.MarkupLineInterpolated($"[red]{e.Message}[/]");
        }
    }

    private JsonObject Body(string question)
    {
        var messages = new JsonArray();
        if (_system is not null) messages.Add(Message("system", _system));
        foreach (var (role, content) in _history) messages.Add(Message(role, content));
        messages.Add(Message("user", question));
        var body = new JsonObject { ["model"] = model, ["messages"] = messages };
        if (options.Temperature is { } temperature) body["temperature"] = temperature;
        if (options.MaxTokens is { } maxTokens) body["max_tokens"] = maxTokens;
        if (options.Seed is { } seed) body["seed"] = seed;
        return body;
    }

    private static JsonObject Message(string role, string content) => new JsonObject { ["role"] = role, ["content"] = content };
}
