using System.Net;
using System.Text;
using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>Bodies that are meant to hurt: refused with a clear word, before the model has done anything for them.</summary>
public sealed class HostileBodyTests
{
    private const int Million = 1_000_000;

    public static TheoryData<string, string?, string, string> Bodies => new()
    {
        { Field("stop", $"[{Repeat("\"s\"", Million)}]"), "stop", "invalid_value", "at most 4 strings, but has 1000000" },
        { Field("stop", $"\"{new string('s', Million)}\""), "stop", "invalid_value", "at most 4096 characters long, but is 1000000" },
        { Field("stop_token_ids", $"[{Repeat("7", Million)}]"), "stop_token_ids", "invalid_value", "at most 128 tokens, but is 1000000" },
        { Field("logit_bias", $"{{{string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":1"))}}}"), "logit_bias", "invalid_value", "at most 1024 tokens" },
        { Field("metadata", $"{{{string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"{i}\":\"\""))}}}"), "metadata", "invalid_value", "at most 16 pairs" },
        { Field("modalities", $"[{Repeat("\"text\"", Million)}]"), "modalities", "unsupported_value", "must be [\"text\"]" },
        { Field("unknown", new string('[', Million)), null, "invalid_json", "not valid JSON" },
        { new string('[', Million), null, "invalid_json", "not valid JSON" },
        { Field("tools", Nested(60)), "tools[0]", "invalid_type", "expected an object, but got an array" },
        { Field("tools", $"[{Repeat("{}", Million)}]"), "tools", "invalid_value", "at most 128 tools, but is 1000000" },
        { Field("tools", Nested(100)), null, "invalid_json", "maximum configured depth" },
        { $$"""{"messages":[{{Repeat("{\"role\":\"user\",\"content\":\"a\"}", 200_000)}}]}""", "messages", "invalid_value", "at most 100000 messages" },
        { TestServer.Chat(content: new string('x', 20 * Million)), "messages", "context_length_exceeded", "but the messages have at least 20000016 tokens" },
        { Field("prediction", $$"""{"type":"content","content":"{{new string('x', Million)}}"}"""), "prediction", "context_length_exceeded", "at least 1000000 tokens" },
        { Field("user", "\"\\ud800\""), "user", "invalid_type", "half a surrogate pair" },
        { Field("user", "\"a\u0000b\""), null, "invalid_json", "not valid JSON" },
        { TestServer.Chat(content: "a\\u0000b"), "messages[0].content", "invalid_type", "a NUL character" },
        { TestServer.Chat(content: "\\ud83d"), "messages[0].content", "invalid_type", "half a surrogate pair" },
        { TestServer.Chat(content: "\\ude00\\ud83d"), "messages[0].content", "invalid_type", "half a surrogate pair" },
    };

    [Theory]
    [MemberData(nameof(Bodies), DisableDiscoveryEnumeration = true)]
    public async Task Post_HostileBody_IsA400AndCostsNothing(string body, string? param, string code, string message)
    {
        await using var server = await TestServer.StartAsync("a");
        using var response = await server.PostAsync(body);
        using var error = JsonDocument.Parse(await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest));
        var fields = error.RootElement.GetProperty("error");
        Assert.Equal((param, code), (fields.GetProperty("param").GetString(), fields.GetProperty("code").GetString()));
        Assert.Contains(message, fields.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.InRange(error.RootElement.GetRawText().Length, 1, 600);
        Assert.Equal(0, server.Engine.Statistics.Steps);
    }

    private static string Field(string name, string json) => TestServer.Chat($"\"{name}\":{json}");

    private static string Repeat(string item, int count) => new StringBuilder().AppendJoin(',', Enumerable.Repeat(item, count)).ToString();

    private static string Nested(int depth) => new string('[', depth) + new string(']', depth);
}
