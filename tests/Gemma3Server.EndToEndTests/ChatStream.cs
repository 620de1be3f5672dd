using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gemma3Server.EndToEndTests;

/// <summary>One streamed chat completion, read line by line from the raw socket stream.</summary>
internal sealed class ChatStream : IAsyncDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly StreamReader _reader;
    private readonly StringBuilder _text = new();

    private ChatStream(HttpResponseMessage response, StreamReader reader) => (_response, _reader) = (response, reader);

    /// <summary>How a stream ended.</summary>
    public sealed record Ending(string Text, bool Done, int CompletionTokens, int PromptTokens, string? FinishReason, string? Error);

    public static JsonObject Body(string prompt = "Tell me something about the sea.", int maxTokens = 32, bool stream = true, int? seed = null)
    {
        var body = new JsonObject
        {
            ["model"] = null,
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = prompt }),
            ["max_tokens"] = maxTokens,
            ["ignore_eos"] = true,
            ["stream"] = stream,
        };
        body.Remove("model");
        if (seed is { } value) body["seed"] = value;
        else body["temperature"] = 0;
        if (stream) body["stream_options"] = new JsonObject { ["include_usage"] = true };
        return body;
    }

    public static Task<ChatStream> OpenAsync(HttpClient http, string prompt = "Tell me something about the sea.", int maxTokens = 32) =>
        OpenAsync(http, Body(prompt, maxTokens));

    public static async Task<ChatStream> OpenAsync(HttpClient http, JsonObject body)
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = JsonContent.Create(body) };
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (!response.IsSuccessStatusCode) Assert.Fail(await response.Content.ReadAsStringAsync(cancellation));
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        return new ChatStream(response, new StreamReader(await response.Content.ReadAsStreamAsync(cancellation)));
    }

    /// <summary>Reads until at least <paramref name="chunks"/> chunks with text have come.</summary>
    public async Task ReadTextAsync(int chunks, CancellationToken cancellation)
    {
        while (chunks > 0 && await _reader.ReadLineAsync(cancellation) is { } line)
        {
            if (Parse(line) is not { } chunk) continue;
            var text = TextOf(chunk);
            _text.Append(text);
            if (text.Length > 0) chunks--;
        }
    }

    /// <summary>Reads the rest of the stream.</summary>
    public async Task<Ending> ReadToEndAsync(CancellationToken cancellation)
    {
        var ending = new Ending("", false, 0, 0, null, null);
        while (await _reader.ReadLineAsync(cancellation) is { } line)
        {
            if (line == "data: [DONE]") ending = ending with { Done = true };
            if (Parse(line) is not { } chunk) continue;
            if (chunk.TryGetProperty("error", out var error))
            {
                ending = ending with { Error = error.GetProperty("message").GetString() };
                continue;
            }

            _text.Append(TextOf(chunk));
            foreach (var choice in chunk.GetProperty("choices").EnumerateArray())
            {
                if (choice.GetProperty("finish_reason").GetString() is { } reason) ending = ending with { FinishReason = reason };
            }

            if (chunk.TryGetProperty("usage", out var usage) && usage.ValueKind == JsonValueKind.Object)
            {
                ending = ending with
                {
                    CompletionTokens = usage.GetProperty("completion_tokens").GetInt32(),
                    PromptTokens = usage.GetProperty("prompt_tokens").GetInt32(),
                };
            }
        }

        return ending with { Text = _text.ToString() };
    }

    public ValueTask DisposeAsync()
    {
        _reader.Dispose();
        _response.Dispose();
        return ValueTask.CompletedTask;
    }

    private static JsonElement? Parse(string line) =>
        line.StartsWith("data: {", StringComparison.Ordinal) ? JsonSerializer.Deserialize<JsonElement>(line.AsSpan(6)) : null;

    private static string TextOf(JsonElement chunk)
    {
        if (!chunk.TryGetProperty("choices", out var choices)) return "";
        return string.Concat(choices.EnumerateArray()
            .Select(choice => choice.GetProperty("delta").TryGetProperty("content", out var content) ? content.GetString() : null));
    }
}
