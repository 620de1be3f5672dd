using System.Text.Json;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>Answers that must look as the request says, from a model whose every token is as good as random.</summary>
public sealed class StructuredOutputTests
{
    private const string Person = """
        {"type":"object","properties":{"name":{"type":"string","maxLength":8},"age":{"type":"integer","minimum":0,"maximum":150}},
        "required":["name","age"],"additionalProperties":false}
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Post_JsonSchema_AnswerIsThatJson(bool stream)
    {
        await using var server = await TestServer.StartAsync();
        for (var seed = 0; seed < 10; seed++)
        {
            using var response = await server.PostAsync(TestServer.Chat($$$"""
                "stream":{{{(stream ? "true" : "false")}}},"seed":{{{seed}}},
                "response_format":{"type":"json_schema","json_schema":{"name":"person","strict":true,"schema":{{{Person}}} }}
                """));
            var answer = Assert.Single(stream ? await ChatBodies.StreamedAsync(response) : await ChatBodies.WholeAsync(response));
            Assert.Equal("stop", answer.FinishReason);
            using var person = JsonDocument.Parse(answer.Text);
            Assert.InRange(person.RootElement.GetProperty("age").GetInt32(), 0, 150);
            Assert.Equal(JsonValueKind.String, person.RootElement.GetProperty("name").ValueKind);
        }
    }

    [Theory]
    [InlineData("\"structured_outputs\":{\"choice\":[\"yes\",\"no\"]}", "^(yes|no)$")]
    [InlineData("\"structured_outputs\":{\"regex\":\"[0-9]{4}-[0-9]{2}\"}", "^[0-9]{4}-[0-9]{2}$")]
    [InlineData("\"structured_outputs\":{\"grammar\":\"root ::= \\\"a\\\"{2,4} [xyz]\"}", "^a{2,4}[xyz]$")]
    [InlineData("\"structured_outputs\":{\"json\":{\"type\":\"boolean\"}}", "^(true|false)$")]
    [InlineData("\"structured_outputs\":{\"json\":\"{\\\"const\\\":[1]}\"}", "^\\[\\s*1\\s*\\]$")]
    [InlineData("\"structured_outputs\":{\"json\":{\"const\":{\"name\":\"f\",\"parameters\":{}}}}", "^\\{\\s*\"name\":\\s*\"f\",\\s*\"parameters\":\\s*\\{\\s*\\}\\s*\\}$")]
    [InlineData("\"structured_outputs\":null,\"response_format\":{\"type\":\"text\"},\"max_tokens\":3", "(?s).")]
    public async Task Post_StructuredOutputs_AnswerMatches(string fields, string pattern)
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.PostAsync(TestServer.Chat(fields));
        Assert.Matches(pattern, Assert.Single(await ChatBodies.WholeAsync(response)).Text);
    }

    [Fact]
    public async Task Post_BudgetEndsInside_FinishReasonIsLengthAndTheTextAPrefix()
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.PostAsync(TestServer.Chat("""
            "max_tokens":9,"structured_outputs":{"choice":["a text of more than nine tokens"]}
            """));
        var answer = Assert.Single(await ChatBodies.WholeAsync(response));
        Assert.Equal("length", answer.FinishReason);
        Assert.Equal("a text of", answer.Text);
    }

    [Fact]
    public async Task Post_ModelThatWouldAnswerOtherwise_IsHeldToTheGrammar()
    {
        // It says nothing but the same letter, at temperature 0 and with a bias for it.
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { Next = _ => FakeTokenizer.FirstByte + 'q' });
        using var response = await server.PostAsync(TestServer.Chat($$$"""
            "temperature":0,"logit_bias":{"{{{FakeTokenizer.FirstByte + 'q'}}}":100},"response_format":{"type":"json_object"},"max_tokens":200,"logprobs":true
            """));
        var answer = Assert.Single(await ChatBodies.WholeAsync(response));
        Assert.StartsWith("{", answer.Text, StringComparison.Ordinal);
        Assert.NotEmpty(answer.Logprobs);
    }
}
