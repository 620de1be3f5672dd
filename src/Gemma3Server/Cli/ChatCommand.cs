using System.CommandLine;
using Gemma3Server.Cli.Chat;
using Gemma3Server.Hosting;

namespace Gemma3Server.Cli;

/// <summary><c>chat</c>: a conversation in the terminal, with a running server or with a model loaded for it.</summary>
internal static class ChatCommand
{
    public const string Name = "chat";

    /// <param name="input">Where to read instead of from the console; nobody is then taken to type.</param>
    public static Command Create(TextReader? input)
    {
        var url = CommandConsole.UrlOption("A running server, such as http://127.0.0.1:8080; without it, --model is loaded");
        var key = new Option<string?>("--api-key") { HelpName = "KEY", Description = "The running server's key" };
        var system = new Option<string?>("--system") { HelpName = "TEXT", Description = "System message" };
        var temperature = new Option<double?>("--temperature") { HelpName = "T", Description = "0 (always the likeliest token) to 2" };
        var maxTokens = new Option<int?>("--max-tokens") { HelpName = "N", Description = "Most tokens of an answer" };
        var seed = new Option<long?>("--seed") { HelpName = "N", Description = "Makes answers repeatable" };
        var command = new Command(
            Name, "Chats in the terminal, with a running server (--url) or a model of its own (--model). Piped input is answered line by line.")
        {
            url, key, system, temperature, maxTokens, seed,
        };
        var settings = SettingOptions.AddTo(command, flag => flag.Key is "Model:Path" or "Runtime:ContextLength" or "Runtime:GpuLayers" or "Runtime:Threads");
        command.SetAction((parsed, cancellationToken) =>
        {
            var configuration = settings.Read(parsed, extra: [("Runtime:Parallel", "1")], defaults: ModelCommandRun.Quiet);
            var remote = parsed.GetValue(url);
            var options = new ChatTerminalOptions
            {
                System = parsed.GetValue(system),
                Temperature = parsed.GetValue(temperature),
                MaxTokens = parsed.GetValue(maxTokens),
                Seed = parsed.GetValue(seed),
                Interactive = input is null && !Console.IsInputRedirected,
            };
            var output = parsed.InvocationConfiguration.Output;
            return ModelCommandRun.RunAsync(configuration, needsModel: remote is null, parsed.InvocationConfiguration.Error, async checkedOptions =>
            {
                if (remote is not null)
                {
                    using var http = ModelCommandRun.Connect(remote, parsed.GetValue(key));
                    return await ChatAsync(http, options, output, input ?? Console.In, cancellationToken);
                }

                await using var server = await LocalServer.StartAsync(checkedOptions, configuration, cancellationToken);
                return await ChatAsync(server.Http, options, output, input ?? Console.In, cancellationToken);
            });
        });
        return command;
    }

    private static async Task<int> ChatAsync(
        HttpClient http, ChatTerminalOptions options, TextWriter output, TextReader input, CancellationToken cancellationToken)
    {
        var client = new ChatCompletionsClient(http);
        var model = await client.FirstModelAsync(cancellationToken);

        // Ctrl-C stops the answer that runs; while none runs, it ends the chat.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        CancellationTokenSource? answer = null;
        ConsoleCancelEventHandler stop = (_, e) =>
        {
            e.Cancel = true;
            if (Interlocked.Exchange(ref answer, null) is { } running) running.Cancel();
            else end.Cancel();
        };
        Console.CancelKeyPress += stop;
        try
        {
            var terminal = new ChatTerminal(client, model, CommandConsole.On(output), input, options);
            await terminal.RunAsync(
                () =>
                {
                    var next = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
                    Interlocked.Exchange(ref answer, next);
                    return new AnswerScope(next, () => Interlocked.CompareExchange(ref answer, null, next));
                },
                end.Token);
            return ExitCode.Ok;
        }
        finally
        {
            Console.CancelKeyPress -= stop;
        }
    }
}
