using Gemma3Server.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Gemma3Server.Tests.Cli;

public sealed class ChatCommandTests
{
    private const string Event = """data: {"choices":[{"delta":{"content":"half"}}]}""" + "\n\n";

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/v1")]
    public async Task Chat_PipedLines_PrintsAnswersOnly(string path)
    {
        await using var server = await TestServer.StartAsync("Hello.");

        var run = await CommandRun.RunAsync("Hi\nAnd again\n", "chat", "--url", Url(server) + path, "--max-tokens", "20");

        Assert.Equal(new CommandRun(0, "Hello.\nHello.\n", ""), run);
    }

    [Fact]
    public async Task Chat_PipedSlash_IsAQuestion()
    {
        await using var server = await TestServer.StartAsync("Hello.");

        var run = await CommandRun.RunAsync("/exit\n/usr/bin is what?\n", "chat", "--url", Url(server));

        Assert.Equal(new CommandRun(0, "Hello.\nHello.\n", ""), run);
    }

    [Fact]
    public async Task Chat_RefusedInAPipe_FailsWithTheServersMessage()
    {
        await using var server = await TestServer.StartAsync(new Gemma3Server.Testing.FakeRuntimeOptions { ContextLength = 64 });

        var run = await CommandRun.RunAsync(new string('x', 200) + "\nnever asked\n", "chat", "--url", Url(server));

        Assert.Equal((1, ""), (run.Code, run.Output));
        var line = Assert.Single(run.ErrorLines);
        Assert.StartsWith("400: ", line, StringComparison.Ordinal);
        Assert.Contains("64", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Chat_KeyIsMissing_NamesTheFlag()
    {
        await using var server = await TestServer.StartAsync(
            new Gemma3Server.Testing.FakeRuntimeOptions { Next = ScriptedReply.Of("Hello.") }, new() { Http = new() { ApiKeys = ["sesame"] } });

        var without = await CommandRun.RunAsync("Hi\n", "chat", "--url", Url(server));
        var with = await CommandRun.RunAsync("Hi\n", "chat", "--url", Url(server), "--api-key", "sesame");

        Assert.Equal(1, without.Code);
        Assert.Contains("API key", Assert.Single(without.ErrorLines), StringComparison.Ordinal);
        Assert.Contains("--api-key", without.Error, StringComparison.Ordinal);
        Assert.Equal(new CommandRun(0, "Hello.\n", ""), with);
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("bench")]
    public async Task Run_UrlIsNoAddress_SaysSo(string command)
    {
        var run = await CommandRun.RunAsync("", command, "--url", "localhost");

        Assert.Equal(2, run.Code);
        Assert.Equal("--url takes an address such as http://127.0.0.1:8080, but got 'localhost'.", run.ErrorLines[0]);
    }

    [Theory]
    [InlineData("chat")]
    [InlineData("bench")]
    public async Task Run_NobodyListens_SaysSoInOneLine(string command)
    {
        string address;
        await using (var server = await TestServer.StartAsync("unused")) address = Url(server);

        var run = await CommandRun.RunAsync("Hi\n", command, "--url", address);

        Assert.Equal(1, run.Code);
        Assert.StartsWith($"Cannot reach {address}/: ", run.ErrorLines[^1], StringComparison.Ordinal);
        Assert.Single(run.ErrorLines);
    }

    [Fact]
    public async Task Chat_ConnectionBreaksMidAnswer_SaysSoInOneLine()
    {
        await using var server = await RawServer.StartAsync(async context =>
        {
            await BeginAsync(context);
            context.Abort();
        });

        Assert.Equal("The server broke off before the answer was complete.", await FailureAsync(server));
    }

    [Fact]
    public async Task Chat_AnswerEndsWithoutDone_IsAFailure()
    {
        await using var server = await RawServer.StartAsync(BeginAsync);

        Assert.Equal("The server broke off before the answer was complete.", await FailureAsync(server));
    }

    [Fact]
    public async Task Chat_ErrorEventMidAnswer_IsTheServersMessage()
    {
        await using var server = await RawServer.StartAsync(async context =>
        {
            await BeginAsync(context);
            await context.Response.WriteAsync("""data: {"error":{"message":"out of cells"}}""" + "\n\n");
        });

        Assert.Equal("out of cells", await FailureAsync(server));
    }

    [Theory]
    [InlineData("text/html", "<html>\n<body>hello</body>\n</html>")]
    [InlineData("text/event-stream", "data: <html>\n\n")]
    [InlineData("text/event-stream", "data: [1]\n\n")]
    public async Task Chat_AnswerIsNotOpenAis_SaysSoInOneLine(string type, string body)
    {
        await using var server = await RawServer.StartAsync(context =>
        {
            context.Response.ContentType = type;
            return context.Response.WriteAsync(body);
        });

        Assert.StartsWith("The server does not answer as an OpenAI-compatible one does: ", await FailureAsync(server), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("text/html", "<html>\n</html>")]
    [InlineData("application/json", "{}")]
    [InlineData("application/json", "{")]
    [InlineData("application/json", """{"data":[]}""")]
    public async Task Chat_ModelsAreNotOpenAis_SaysSoInOneLine(string type, string body)
    {
        await using var server = await RawServer.StartAsync(_ => Task.CompletedTask, context =>
        {
            context.Response.ContentType = type;
            return context.Response.WriteAsync(body);
        });

        Assert.StartsWith("The server ", await FailureAsync(server), StringComparison.Ordinal);
    }

    private static async Task BeginAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream";
        await context.Response.WriteAsync(Event);
        await context.Response.Body.FlushAsync();
    }

    /// <summary>The one line on which a piped chat fails.</summary>
    private static async Task<string> FailureAsync(RawServer server)
    {
        var run = await CommandRun.RunAsync("Hi\n", "chat", "--url", server.Address);
        Assert.Equal(1, run.Code);
        return Assert.Single(run.ErrorLines);
    }

    private static string Url(TestServer server) => server.Client.BaseAddress!.ToString().TrimEnd('/');
}
