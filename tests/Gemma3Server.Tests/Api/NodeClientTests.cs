using System.Text.Json.Nodes;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>The Node SDKs <c>openai</c>, <c>ai</c> with <c>@ai-sdk/openai-compatible</c>, and <c>@langchain/openai</c> as black boxes.</summary>
/// <remarks>They send <c>x-strict</c>: what a client sends by itself and this server would ignore fails the test.</remarks>
public sealed class NodeClientTests(NodeClients clients) : IClassFixture<NodeClients>
{
    private const string Reply = "Grüß Gott 🙂";

    // One token a byte, and the end of the turn.
    private const int Tokens = 17;

    public static TheoryData<string, string> Cases => new()
    {
        { "openai whole", $$"""{"choices":[[0,"{{Reply}}","stop","Gr\\xc3\\xbc\\xc3\\x9f Gott \\xf0\\x9f\\x99\\x82",2],[1,"{{Reply}}","stop","Gr\\xc3\\xbc\\xc3\\x9f Gott \\xf0\\x9f\\x99\\x82",2]],"usage":{{2 * Tokens}},"requestId":true}""" },
        { "openai stream", $$"""{"texts":["{{Reply}}","{{Reply}}"],"roles":["assistant","assistant"],"finished":["stop","stop"],"usage":{{2 * Tokens}}}""" },
        { "openai stream helper", $$"""{"deltas":"{{Reply}}","content":"{{Reply}}","finish":"stop","role":"assistant","logprobs":"Gr\\xc3\\xbc\\xc3\\x9f Gott \\xf0\\x9f\\x99\\x82","usage":{{Tokens}}}""" },
        { "openai responses", $$"""{"text":"{{Reply}}","status":"completed","logprobs":"Gr\\xc3\\xbc\\xc3\\x9f Gott \\xf0\\x9f\\x99\\x82","usage":{{Tokens}},"second":"{{Reply}}","same":true,"items":["More"],"gone":["NotFoundError",404,"response_not_found"]}""" },
        { "openai responses stream helper", $$"""{"text":"{{Reply}}","status":"completed","types":["response.created","response.queued","response.in_progress","response.output_item.added","response.content_part.added","response.output_text.delta","response.output_text.done","response.content_part.done","response.output_item.done","response.completed"],"again":true}""" },
        { "openai responses background", $$"""{"queued":"queued","status":"completed","text":"{{Reply}}","cancelled":"completed"}""" },
        { "langchain responses", $$"""{"text":"{{Reply}}","streamed":"{{Reply}}","usage":{{Tokens}}}""" },
        { "openai models", """[["gemma-test","model"]]""" },
        { "ai generateText", $$"""{"text":"{{Reply}}","finishReason":"stop","usage":{{Tokens}}}""" },
        { "ai streamText", $$"""{"text":"{{Reply}}","parts":true,"finishReason":"stop","usage":{{Tokens}}}""" },
        { "langchain invoke", $$"""{"text":"{{Reply}}","finish":"stop","usage":{{Tokens}},"logprobs":{{Tokens - 1}}}""" },
        { "langchain stream", $$"""{"text":"{{Reply}}","finish":"stop","usage":{{Tokens}}}""" },
        { "langchain generations", $$"""["{{Reply}}","{{Reply}}","{{Reply}}"]""" },
    };

    [Theory(Timeout = 60_000)]
    [MemberData(nameof(Cases))]
    public async Task Run_Answers_AreUnderstood(string name, string expected)
    {
        await using var server = await TestServer.StartAsync(Reply);
        Assert.Equal(NodeClients.Json(JsonNode.Parse(expected)!), await Task.Run(() => clients.Run(name, server)));
    }

    [Fact(Timeout = 60_000)]
    public async Task Run_OpenAiErrors_AreTheClientsOwnWithOurWords()
    {
        await using var server = await TestServer.StartAsync(Reply);
        Assert.Equal(
            "{" + string.Join(',',
                Error("range", "BadRequestError", 400, "invalid_value", "temperature", "'temperature' must be from 0 to 2, but is 9."),
                Error("model", "NotFoundError", 404, "model_not_found", "model", "The model 'other' does not exist here; this server has 'gemma-test'."),
                Error("image", "BadRequestError", 400, "image_input_not_supported", "messages[0].content[0]", "'messages[0].content[0]' is an image, but the served model reads text only."),
                Error("ignored", "BadRequestError", 400, "unsupported_parameter", "store", "'store' has no effect on this server."),
                Error("missing", "NotFoundError", 404, "model_not_found", "model", "The model 'other' does not exist here; this server has 'gemma-test'.")) + "}",
            await Task.Run(() => clients.Run("openai errors", server)));

        static string Error(string name, string kind, int status, string code, string param, string message) =>
            $$"""
            "{{name}}":{"name":"Error","kind":"{{kind}}","status":{{status}},"code":"{{code}}","param":"{{param}}","type":"invalid_request_error","hasRequestId":true,"message":"{{status}} {{message}}"}
            """.Trim();
    }

    [Fact(Timeout = 60_000)]
    public async Task Run_FailureInAStream_IsThrownByTheClient()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions
        {
            OnForward = step => step < 3 ? ForwardStatus.Ok : ForwardStatus.Failed,
            Next = _ => FakeTokenizer.FirstByte + 'x',
        });
        var result = await Task.Run(() => clients.Run("openai error in a stream", server));
        Assert.StartsWith("""{"texts":"xxx","error":{"name":"Error","kind":"APIError","code":"generation_failed",""", result, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task Run_FailureInAResponse_IsThrownByTheStreamHelper()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions
        {
            OnForward = step => step < 3 ? ForwardStatus.Ok : ForwardStatus.Failed,
            Next = _ => FakeTokenizer.FirstByte + 'x',
        });
        Assert.Equal("""{"texts":"xxx","failed":true}""", await Task.Run(() => clients.Run("openai responses failure", server)));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("ai errors")]
    [InlineData("langchain errors")]
    public async Task Run_OtherErrors_HaveStatusAndMessage(string name)
    {
        await using var server = await TestServer.StartAsync(Reply);
        var result = await Task.Run(() => clients.Run(name, server));
        Assert.Contains("\"status\":400", result, StringComparison.Ordinal);
        Assert.Contains("'temperature' must be from 0 to 2, but is 9.", result, StringComparison.Ordinal);
    }
}
