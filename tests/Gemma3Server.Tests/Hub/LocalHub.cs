using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Net.Http.Headers;

namespace Gemma3Server.Tests.Hub;

/// <summary>
/// The hub's protocol on a port of the loopback interface, with the files behind a redirect to another host name and port, as the real one
/// has them; each answer can go wrong.
/// </summary>
internal sealed class LocalHub : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly Dictionary<(string Repository, string Path), byte[]> _files = [];
    private readonly WebApplication _app;
    private int[] _ports = [];
    private long _sent;

    private LocalHub()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0);
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    /// <summary>What <c>HF_ENDPOINT</c> is.</summary>
    public Uri Endpoint => new($"http://127.0.0.1:{_ports[0]}/");

    /// <summary>All requests so far.</summary>
    public ConcurrentQueue<LocalHubRequest> Requests { get; } = [];

    /// <summary>The requests for a file's content.</summary>
    public IEnumerable<LocalHubRequest> Fetches => Requests.Where(request => request.Method == "GET" && (!Redirects || !request.IsHub) && !request.Path.StartsWith("/api/", StringComparison.Ordinal));

    /// <summary>Bytes of files that were written to connections.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>The token that is needed; null = none.</summary>
    public string? Token { get; set; }

    /// <summary>Whether files are elsewhere.</summary>
    public bool Redirects { get; set; } = true;

    /// <summary>Bytes of a write; smaller ones make more moments at which something can happen.</summary>
    public int ChunkBytes { get; set; } = 64 * 1024;

    /// <summary>How the answer to a request for content goes wrong; null = it does not.</summary>
    public Func<LocalHubRequest, LocalHubFault?> Fault { get; set; } = _ => null;

    /// <summary>Answers requests to the hub itself in its place; null = as usual.</summary>
    public Func<HttpContext, IResult?> Override { get; set; } = _ => null;

    /// <summary>The hash that the hub tells of a file, instead of the right one.</summary>
    public string? ToldHash { get; set; }

    /// <summary>Awaited before each write of content.</summary>
    public Func<Task> Gate { get; set; } = () => Task.CompletedTask;

    public static async Task<LocalHub> StartAsync()
    {
        var hub = new LocalHub();
        await hub._app.StartAsync(TestContext.Current.CancellationToken);
        hub._ports = [.. hub._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Select(address => new Uri(address).Port)];
        return hub;
    }

    /// <summary>Adds a file of random bytes.</summary>
    public byte[] Add(string repository, string path, int bytes, int seed = 1)
    {
        var content = new byte[bytes];
        new Random(seed).NextBytes(content);
        return Add(repository, path, content);
    }

    public byte[] Add(string repository, string path, byte[] content) => _files[(repository, path)] = content;

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    public static string Hash(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    private async Task AnswerAsync(HttpContext context)
    {
        var request = context.Request;
        var isHub = context.Connection.LocalPort == _ports[0];
        var range = request.GetTypedHeaders().Range?.Ranges.Single();
        var record = new LocalHubRequest(isHub, request.Method, request.Path.Value!, request.Headers.Authorization.ToString(), range?.From);
        Requests.Enqueue(record);
        if (!isHub)
        {
            await ContentAsync(context, record, range, Uri.UnescapeDataString(request.Path.Value![1..]).Split('|'));
            return;
        }

        if (Override(context) is { } result)
        {
            await result.ExecuteAsync(context);
            return;
        }

        var parts = request.Path.Value!.Trim('/').Split('/');
        if (parts is ["api", "models", var owner, var name, "tree", ..]) await TreeAsync(context, $"{owner}/{name}");
        else if (parts is [var of, var repository, "resolve", _, ..]) await ResolveAsync(context, record, range, $"{of}/{repository}", string.Join('/', parts[4..]));
        else context.Response.StatusCode = 404;
    }

    private async Task TreeAsync(HttpContext context, string repository)
    {
        var files = _files.Where(file => file.Key.Repository == repository).ToList();
        if (files.Count == 0)
        {
            Refuse(context, 401, "RepoNotFound");
            return;
        }

        // Two pages, so that the client must follow.
        var second = context.Request.Query.ContainsKey("cursor");
        var page = second ? files.Skip(1) : files.Take(1);
        if (!second && files.Count > 1) context.Response.Headers.Link = $"<{Endpoint}api/models/{repository}/tree/{Commit}?recursive=true&cursor=x>; rel=\"next\"";
        await context.Response.WriteAsJsonAsync(page.Select(file => (object)new
        {
            type = "file",
            oid = "aaaa",
            size = file.Value.Length,
            path = file.Key.Path,
            lfs = new { oid = ToldHash ?? Hash(file.Value), size = file.Value.Length, pointerSize = 135 },
        }).Append(new { type = "directory", oid = "bbbb", size = 0, path = "folder" }));
    }

    private async Task ResolveAsync(HttpContext context, LocalHubRequest record, RangeItemHeaderValue? range, string repository, string path)
    {
        if (!_files.TryGetValue((repository, path), out var content))
        {
            Refuse(context, _files.Keys.Any(key => key.Repository == repository) ? 404 : 401, _files.Keys.Any(key => key.Repository == repository) ? "EntryNotFound" : "RepoNotFound");
            return;
        }

        if (Token is not null && record.Authorization != $"Bearer {Token}")
        {
            Refuse(context, record.Authorization.Length == 0 ? 401 : 403, "GatedRepo");
            return;
        }

        var headers = context.Response.Headers;
        headers["X-Repo-Commit"] = Commit;
        headers["X-Linked-Etag"] = $"\"{ToldHash ?? Hash(content)}\"";
        headers["X-Linked-Size"] = content.Length.ToString(CultureInfo.InvariantCulture);
        if (!Redirects)
        {
            await ContentAsync(context, record, range, [repository, path]);
            return;
        }

        context.Response.StatusCode = 302;
        headers.Location = $"http://localhost:{_ports[1]}/{Uri.EscapeDataString($"{repository}|{path}")}?X-Amz-Signature=secret-signature";
    }

    private async Task ContentAsync(HttpContext context, LocalHubRequest record, RangeItemHeaderValue? range, string[] file)
    {
        var (content, response) = (_files[(file[0], file[1])], context.Response);
        var fault = context.Request.Method == "GET" ? Fault(record) ?? new() : new();
        if (fault.Status is { } status)
        {
            response.StatusCode = status;
            response.Headers.RetryAfter = fault.RetryAfter;
            return;
        }

        var (from, to) = fault.IgnoreRange || range is null ? (0L, (long)content.Length) : (range.From!.Value + fault.Shift, range.To!.Value + 1);
        response.StatusCode = range is null || fault.IgnoreRange ? 200 : 206;
        if (response.StatusCode == 206) response.Headers.ContentRange = $"bytes {from}-{to - 1}/{content.Length}";
        response.Headers.ETag = fault.Etag ?? $"\"{Hash(content)}\"";
        response.ContentLength = to - from;
        if (context.Request.Method == "HEAD") return;
        for (var position = from; position < to;)
        {
            var count = (int)Math.Min(ChunkBytes, Math.Min(to - position, Math.Min(fault.DropAfter ?? long.MaxValue, fault.StallAfter ?? long.MaxValue) - (position - from)));
            if (count <= 0)
            {
                if (fault.StallAfter is not null) await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                context.Abort();
                return;
            }

            await Gate();
            var bytes = content[(int)position..(int)(position + count)];
            if (fault.Corrupt && position == from) bytes[0] ^= 1;
            await response.Body.WriteAsync(bytes, context.RequestAborted);
            await response.Body.FlushAsync(context.RequestAborted);
            position += count;
            Interlocked.Add(ref _sent, count);
        }
    }

    private static void Refuse(HttpContext context, int status, string code)
    {
        context.Response.StatusCode = status;
        context.Response.Headers["X-Error-Code"] = code;
        context.Response.Headers["X-Error-Message"] = "no";
    }
}
