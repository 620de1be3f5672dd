using Gemma3Server.Cli;
using Gemma3Server.Cli.Chat;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Cli;

/// <summary>The conversation as a person has it; the pipe is in <see cref="ChatCommandTests"/>.</summary>
public sealed class ChatTerminalTests
{
    [Fact]
    public async Task Run_CancelledAtThePrompt_EndsWithoutALine()
    {
        await using var server = await TestServer.StartAsync("Hello.");
        using var input = new SilentInput();
        using var end = new CancellationTokenSource();
        var chat = RunAsync(server, input, end.Token);
        await input.Asked;

        await end.CancelAsync();

        await chat;
    }

    [Fact]
    public async Task Run_Exit_EndsAndCommandsAreNotSent()
    {
        await using var server = await TestServer.StartAsync("Hello.");

        var output = await RunAsync(server, new StringReader("/help\nHi\n/exit\nnot reached\n"), CancellationToken.None);

        Assert.Equal(2, output.Split("Hello.").Length);
        Assert.Contains("/reset", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_AnswerFails_SaysSoAndGoesOn()
    {
        await using var server = await TestServer.StartAsync(
            new Gemma3Server.Testing.FakeRuntimeOptions { ContextLength = 64, Next = ScriptedReply.Of("Hello.") });

        var output = await RunAsync(server, new StringReader(new string('x', 200) + "\nHi\n"), CancellationToken.None);

        Assert.Contains("400: ", output, StringComparison.Ordinal);
        Assert.Contains("Hello.", output, StringComparison.Ordinal);
    }

    private static async Task<string> RunAsync(TestServer server, TextReader input, CancellationToken cancellationToken)
    {
        await using var output = new StringWriter();
        var terminal = new ChatTerminal(
            new ChatCompletionsClient(server.Client), TestServer.ModelId, CommandConsole.On(output), input, new() { Interactive = true });
        await terminal.RunAsync(() => new AnswerScope(new CancellationTokenSource(), () => { }), cancellationToken);
        return output.ToString();
    }

    /// <summary>Somebody who does not type.</summary>
    private sealed class SilentInput : TextReader
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _never = new();

        public Task Asked => _asked.Task;

        public override string? ReadLine()
        {
            _asked.TrySetResult();
            _never.Wait();
            return null;
        }

        protected override void Dispose(bool disposing)
        {
            _never.Set();
            base.Dispose(disposing);
        }
    }
}
