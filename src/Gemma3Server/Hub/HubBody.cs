namespace Gemma3Server.Hub;

/// <summary>The bytes of a file from <see cref="Start"/> on, as they come from the hub or from where it leads.</summary>
internal sealed class HubBody(HttpResponseMessage response, Stream stream, long start, string? etag) : IDisposable
{
    /// <summary>The bytes.</summary>
    public Stream Stream { get; } = stream;

    /// <summary>Where they begin: 0 where the server sends the whole file, whatever was asked for.</summary>
    public long Start { get; } = start;

    /// <summary>Which server sends them.</summary>
    public string Authority { get; } = response.RequestMessage?.RequestUri?.Authority ?? "";

    /// <summary>The server's own tag of the file; that of another server may differ.</summary>
    public string? Etag { get; } = response.Headers.ETag?.Tag ?? etag;

    public void Dispose()
    {
        Stream.Dispose();
        response.Dispose();
    }
}
