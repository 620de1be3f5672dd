using System.Text.Json;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

public sealed class ChatLogprobsTests
{
    /// <summary>The scripted token is so probable that its logarithm is 0.</summary>
    [Fact]
    public async Task Post_Logprobs_WholeBody()
    {
        await using var server = await TestServer.StartAsync("aé");
        using var response = await server.PostAsync(TestServer.Chat("\"logprobs\":true,\"top_logprobs\":1"));
        Assert.Contains(
            """
            "message":{"role":"assistant","content":"aé","refusal":null},"logprobs":{"content":[{"token":"a","logprob":0,"bytes":[97],"top_logprobs":[{"token":"a","logprob":0,"bytes":[97]}]},{"token":"\\xc3","logprob":0,"bytes":[195],"top_logprobs":[{"token":"\\xc3","logprob":0,"bytes":[195]}]},{"token":"\\xa9","logprob":0,"bytes":[169],"top_logprobs":[{"token":"\\xa9","logprob":0,"bytes":[169]}]}],"refusal":null},"finish_reason":"stop"}
            """.Trim(),
            await TestServer.ReadAsync(response), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_LogprobsStreamed_ComeWithTheirText()
    {
        await using var server = await TestServer.StartAsync("é!");
        using var response = await server.PostAsync(TestServer.Chat("\"logprobs\":true,\"stream\":true"));
        var choices = ChatBodies.Events(await TestServer.ReadAsync(response)).Select(chunk => chunk.GetProperty("choices")[0].GetRawText()).ToList();
        Assert.Equal(
            [
                """{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}""",
                """{"index":0,"delta":{"content":"é"},"logprobs":{"content":[{"token":"\\xc3","logprob":0,"bytes":[195],"top_logprobs":[]},{"token":"\\xa9","logprob":0,"bytes":[169],"top_logprobs":[]}],"refusal":null},"finish_reason":null}""",
                """{"index":0,"delta":{"content":"!"},"logprobs":{"content":[{"token":"!","logprob":0,"bytes":[33],"top_logprobs":[]}],"refusal":null},"finish_reason":null}""",
                """{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}""",
            ],
            choices);
    }

    /// <summary>A control token has a name and no bytes; a token that the request forbids is as probable as the model finds it.</summary>
    [Fact]
    public async Task Post_TopLogprobs_AreTheModelsOwn()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { Next = _ => FakeTokenizer.EndOfTurn });
        using var response = await server.PostAsync(TestServer.Chat("\"logprobs\":true,\"top_logprobs\":2,\"min_tokens\":2,\"max_tokens\":2,\"temperature\":0"));
        var answer = Assert.Single(await ChatBodies.WholeAsync(response));
        Assert.Equal(2, answer.Logprobs.Count);
        foreach (var token in answer.Logprobs.Select(json => JsonDocument.Parse(json).RootElement))
        {
            var top = token.GetProperty("top_logprobs");
            Assert.Equal(2, top.GetArrayLength());
            Assert.Equal("""{"token":"<end_of_turn>","logprob":0,"bytes":null}""", top[0].GetRawText());
            Assert.InRange(token.GetProperty("logprob").GetDouble(), -105, -90);
            Assert.Equal(token.GetProperty("token").GetString(), top[1].GetProperty("token").GetString());
        }
    }

    [Theory]
    [InlineData("\"seed\":3,\"max_tokens\":40")]
    [InlineData("\"seed\":4,\"max_tokens\":40,\"n\":3,\"stop\":[\"a\",\"Qz\"]")]
    [InlineData("\"seed\":5,\"max_tokens\":40,\"n\":2,\"ignore_eos\":true,\"min_tokens\":10,\"stop\":\"e\"")]
    public async Task Post_Streamed_EqualsTheWholeAnswer(string fields)
    {
        await using var server = await TestServer.StartAsync();
        var body = TestServer.Chat($"\"logprobs\":true,\"top_logprobs\":4,{fields}");
        using var whole = await server.PostAsync(body);
        using var streamed = await server.PostAsync(body[..^1] + ",\"stream\":true}");
        var answers = await ChatBodies.WholeAsync(whole);
        Assert.Equal(answers, await ChatBodies.StreamedAsync(streamed));
        foreach (var answer in answers)
            Assert.Equal(answer.Text, string.Concat(answer.Logprobs.Select(json => JsonDocument.Parse(json).RootElement.GetProperty("token").GetString())));
    }
}
