using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Gemma3Server.Api;

/// <summary>
/// Writes server-sent events. Events collect in the response's pipe until <see cref="FlushAsync"/>, so that several that are ready at once
/// leave in one write.
/// </summary>
/// <remarks>Not thread-safe; one writer per response.</remarks>
internal sealed class SseWriter(HttpResponse response) : IDisposable
{
    private readonly PipeWriter _pipe = response.BodyWriter;
    private readonly Utf8JsonWriter _json = new(Stream.Null, new() { Encoder = OpenAiJsonContext.Encoder });
    private bool _pending;

    /// <summary>Whether the response, and with it the status, has left.</summary>
    public bool HasStarted => response.HasStarted;

    /// <summary>Sends the headers of an event stream: uncached, and not buffered by proxies.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (response.HasStarted) return Task.CompletedTask;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";
        return response.StartAsync(cancellationToken);
    }

    /// <summary>Adds one event whose data is the JSON of <paramref name="value"/>, on one line.</summary>
    public void WriteEvent<T>(T value, JsonTypeInfo<T> type)
    {
        _pipe.Write("data: "u8);
        _json.Reset(_pipe);
        JsonSerializer.Serialize(_json, value, type);
        _json.Flush();
        _pipe.Write("\n\n"u8);
        _pending = true;
    }

    /// <summary>Adds one event with a name of its own.</summary>
    public void WriteEvent<T>(string name, T value, JsonTypeInfo<T> type)
    {
        _pipe.Write("event: "u8);
        Encoding.UTF8.GetBytes(name, _pipe);
        _pipe.Write("\n"u8);
        WriteEvent(value, type);
    }

    /// <summary>Adds the event that ends an OpenAI stream.</summary>
    public void WriteDone()
    {
        _pipe.Write("data: [DONE]\n\n"u8);
        _pending = true;
    }

    /// <summary>Adds a comment, which clients skip: it keeps proxies and clients from closing a connection that looks dead.</summary>
    public void WriteKeepAlive()
    {
        _pipe.Write(": keep-alive\n\n"u8);
        _pending = true;
    }

    /// <summary>Adds a comment of these words.</summary>
    public void WriteComment(string words)
    {
        Encoding.UTF8.GetBytes($": {words.ReplaceLineEndings(" ")}\n\n", _pipe);
        _pending = true;
    }

    /// <summary>Adds a comment that says how many are served before, this one included: 1 = next.</summary>
    public void WriteQueued(int position)
    {
        _pipe.Write(": queued, position "u8);
        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat(position, digits, out var length);
        _pipe.Write(digits[..length]);
        _pipe.Write("\n\n"u8);
        _pending = true;
    }

    /// <summary>Sends what has been added; a full connection makes it wait, which only this response notices.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        if (!_pending) return;
        _pending = false;
        await _pipe.FlushAsync(cancellationToken);
    }

    public void Dispose() => _json.Dispose();
}
