using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gemma3Server.Cli;

/// <summary>
/// The client side of <c>POST /v1/chat/completions</c> for this program's own commands; it works against any OpenAI-compatible server.
/// </summary>
/// <remarks>Whatever goes wrong between here and the server is an <see cref="HttpRequestException"/> whose message is one line for the user.</remarks>
internal sealed class ChatCompletionsClient(HttpClient http)
{
    private const int LongestMessage = 300;

    private const string CutShort = "The server broke off before the answer was complete.";

    /// <summary>Sends a streaming request and yields the stream's chunks.</summary>
    /// <exception cref="HttpRequestException">The server refused the request or the stream ended in an error; the message is the server's.</exception>
    public async IAsyncEnumerable<JsonElement> StreamAsync(JsonObject body, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        body["stream"] = true;
        body["stream_options"] = new JsonObject { ["include_usage"] = true };
        using var request = new HttpRequestMessage(HttpMethod.Post, "v1/chat/completions") { Content = JsonContent.Create(body) };
        using var response = await SendAsync(request, "text/event-stream", cancellationToken).ConfigureAwait(false);
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using var events = SseParser.Create(stream).EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await NextAsync(events).ConfigureAwait(false) is { } data)
        {
            if (data == "[DONE]") yield break;
            var chunk = Parse(data);
            if (chunk.TryGetProperty("error", out _)) throw new HttpRequestException(ErrorMessage(data));
            yield return chunk;
        }

        throw new HttpRequestException(CutShort);
    }

    /// <summary>The first of the models that <c>GET /v1/models</c> lists.</summary>
    /// <exception cref="HttpRequestException">The server cannot be reached, refused, or has no model.</exception>
    public async Task<string> FirstModelAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "v1/models");
        using var response = await SendAsync(request, "application/json", cancellationToken).ConfigureAwait(false);
        var list = Parse(await ReadAsync(response, cancellationToken).ConfigureAwait(false));
        if (!list.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Array) throw NotOpenAi(list.GetRawText());
        return data.EnumerateArray().Select(model => model.TryGetProperty("id", out var id) ? id.GetString() : null).FirstOrDefault(id => id is not null)
            ?? throw new HttpRequestException("The server has no model.");
    }

    /// <summary>The text of a chunk, or <see langword="null"/> where it carries none.</summary>
    public static string? Content(JsonElement chunk)
    {
        if (!chunk.TryGetProperty("choices", out var choices) || choices.ValueKind != JsonValueKind.Array) return null;
        foreach (var choice in choices.EnumerateArray())
        {
            if (choice.TryGetProperty("delta", out var delta) && delta.TryGetProperty("content", out var content)
                && content.ValueKind == JsonValueKind.String) return content.GetString();
        }

        return null;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, string mediaType, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;
        try
        {
            response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException exception) when (exception.InnerException is IOException)
        {
            throw new HttpRequestException(CutShort, exception, exception.StatusCode); // it was reached, and broke off before its first line
        }
        catch (HttpRequestException exception)
        {
            throw new HttpRequestException($"Cannot reach {http.BaseAddress}: {exception.Message}", exception, exception.StatusCode);
        }

        try
        {
            if (response.IsSuccessStatusCode && response.Content.Headers.ContentType?.MediaType == mediaType) return response;
            var text = await ReadAsync(response, cancellationToken).ConfigureAwait(false);
            if (response.IsSuccessStatusCode) throw NotOpenAi(text);
            var hint = response.StatusCode == HttpStatusCode.Unauthorized ? " Give the server's key with --api-key." : "";
            throw new HttpRequestException($"{(int)response.StatusCode}: {ErrorMessage(text)}{hint}", null, response.StatusCode);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            return await response.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException exception)
        {
            throw new HttpRequestException(CutShort, exception);
        }
    }

    private static async Task<string?> NextAsync(IAsyncEnumerator<SseItem<string>> events)
    {
        try
        {
            return await events.MoveNextAsync().ConfigureAwait(false) ? events.Current.Data : null;
        }
        catch (IOException exception)
        {
            throw new HttpRequestException(CutShort, exception);
        }
    }

    private static JsonElement Parse(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement.Clone() : throw NotOpenAi(text);
        }
        catch (JsonException)
        {
            throw NotOpenAi(text);
        }
    }

    private static HttpRequestException NotOpenAi(string text) => new($"The server does not answer as an OpenAI-compatible one does: {OneLine(text)}");

    private static string ErrorMessage(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return OneLine(json.RootElement.GetProperty("error").GetProperty("message").GetString() ?? text);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return OneLine(text);
        }
    }

    private static string OneLine(string text)
    {
        var line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length == 0 ? "(no text)" : line.Length <= LongestMessage ? line : string.Concat(line.AsSpan(0, LongestMessage), "...");
    }
}
