using System.Text.Json;

namespace Gemma3Server.Tests.Support;

/// <summary>Reads what answers hold, be they whole or streamed.</summary>
internal static class ChatBodies
{
    /// <summary>The answers of a whole body, by index.</summary>
    public static async Task<List<ChatAnswer>> WholeAsync(HttpResponseMessage response)
    {
        var body = JsonDocument.Parse(await TestServer.ReadAsync(response)).RootElement;
        Assert.True(body.TryGetProperty("choices", out var choices), body.GetRawText());
        return [.. choices.EnumerateArray().Select((choice, index) =>
        {
            Assert.Equal(index, choice.GetProperty("index").GetInt32());
            return new ChatAnswer(
                choice.GetProperty("message").GetProperty("content").GetString()!, Logprobs(choice), choice.GetProperty("finish_reason").GetString());
        })];
    }

    /// <summary>The answers of a stream, put together by index.</summary>
    public static async Task<List<ChatAnswer>> StreamedAsync(HttpResponseMessage response)
    {
        var answers = new SortedDictionary<int, ChatAnswer>();
        foreach (var chunk in Events(await TestServer.ReadAsync(response)))
        {
            foreach (var choice in chunk.GetProperty("choices").EnumerateArray())
            {
                var (index, delta) = (choice.GetProperty("index").GetInt32(), choice.GetProperty("delta"));
                var known = answers.TryGetValue(index, out var answer);

                // The role comes first, once; nothing comes after the finish reason.
                Assert.Equal(!known, delta.TryGetProperty("role", out _));
                answer ??= new("", [], null);
                Assert.Null(answer.FinishReason);
                answers[index] = new(
                    answer.Text + (delta.TryGetProperty("content", out var text) ? text.GetString() : ""), [.. answer.Logprobs, .. Logprobs(choice)],
                    choice.GetProperty("finish_reason").GetString());
            }
        }

        Assert.Equal(Enumerable.Range(0, answers.Count), answers.Keys);
        return [.. answers.Values];
    }

    /// <summary>The JSON of the events of a stream, which must end as it should.</summary>
    public static List<JsonElement> Events(string stream)
    {
        var events = stream.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(e => !e.StartsWith(':')).ToList();
        Assert.Equal("data: [DONE]", events[^1]);
        return [.. events[..^1].Select(e =>
        {
            Assert.StartsWith("data: {", e, StringComparison.Ordinal);
            return JsonDocument.Parse(e["data: ".Length..]).RootElement;
        })];
    }

    private static List<string> Logprobs(JsonElement choice) =>
        choice.GetProperty("logprobs") is { ValueKind: JsonValueKind.Object } logprobs
            ? [.. logprobs.GetProperty("content").EnumerateArray().Select(token => token.GetRawText())]
            : [];
}
