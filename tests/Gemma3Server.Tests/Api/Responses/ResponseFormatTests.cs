using System.Text.Json;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api.Responses;

/// <summary>Responses that must look as the request says, from a model whose every token is as good as random.</summary>
public sealed class ResponseFormatTests
{
    private const string Format =
        """{"type":"json_schema","name":"point","strict":true,"schema":{"type":"object","properties":{"x":{"type":"integer","minimum":0,"maximum":99}},"required":["x"],"additionalProperties":false}}""";

    [Fact]
    public async Task Post_JsonSchema_AnswerIsThatJsonAndTheFormatIsTold()
    {
        await using var server = await TestServer.StartAsync();
        for (var seed = 0; seed < 10; seed++)
        {
            var body = await server.RespondAsync(ResponseCalls.Body($"\"seed\":{seed},\"text\":{{\"format\":{Format}}}")).JsonAsync();
            Assert.Equal("completed", body.Status());
            Assert.Equal(Format, body.GetProperty("text").GetProperty("format").GetRawText());
            using var point = JsonDocument.Parse(body.Text());
            Assert.InRange(point.RootElement.GetProperty("x").GetInt32(), 0, 99);
        }
    }

    [Fact]
    public async Task Post_JsonObjectStreamed_DeltasAreJson()
    {
        await using var server = await TestServer.StartAsync();
        var events = await server.RespondAsync(ResponseCalls.Body(
            "\"stream\":true,\"seed\":1,\"max_output_tokens\":400,\"text\":{\"format\":{\"type\":\"json_object\"}}")).EventsAsync();
        var text = string.Concat(events.Where(told => told.Type() == "response.output_text.delta").Select(told => told.GetProperty("delta").GetString()));
        Assert.StartsWith("{", text, StringComparison.Ordinal);
        if (events[^1].Type() == "response.completed") JsonDocument.Parse(text).Dispose();
    }
}
