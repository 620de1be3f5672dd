using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Polly.Timeout;

namespace Gemma3Server.Hub;

/// <summary>The hub's protocol: what a file is at a revision, which files there are, and ranges of a file.</summary>
/// <remarks>
/// The token goes to the hub's own address only: redirects are followed here, and a request to any other scheme, host or port does not
/// carry it. Addresses after a redirect are signed, so no message quotes more of one than its host.
/// </remarks>
internal sealed class HubClient(HttpClient http, HubAccess access, HubTimings timings, TimeProvider time)
{
    private const int MostRedirects = 5;

    private const int MostPages = 100;

    /// <summary>Who asks, and whom.</summary>
    public HubAccess Access { get; } = access;

    /// <summary>What a file is at a revision: its commit, length and hash.</summary>
    /// <exception cref="HubException">It cannot be had.</exception>
    public async Task<HubFile> ResolveAsync(string repository, string revision, string path, CancellationToken cancellationToken)
    {
        var answer = await SendAsync(HttpMethod.Head, FileAddress(repository, revision, path), null, followAway: false, cancellationToken).ConfigureAwait(false);
        using var response = answer.Response;
        if (!response.IsSuccessStatusCode && answer.Location is null) throw HubErrors.Of(response, Access, repository, path, time);
        var commit = HubErrors.Header(response, "X-Repo-Commit") ?? revision;
        var bytes = long.TryParse(HubErrors.Header(response, "X-Linked-Size"), out var linked) ? linked : response.Content.Headers.ContentLength;
        if (bytes is null || !Catalog.HubNames.IsRevision(commit)) throw NotTheHub(repository);
        return new(repository, commit, path, bytes.Value, Sha256(answer.Etag));
    }

    /// <summary>The files of a repository at a revision; those of Git LFS with their hashes.</summary>
    /// <exception cref="HubException">It cannot be had.</exception>
    public async Task<IReadOnlyList<HubFile>> ListAsync(string repository, string revision, CancellationToken cancellationToken)
    {
        var files = new List<HubFile>();
        var page = new Uri(Access.Endpoint, $"api/models/{repository}/tree/{Uri.EscapeDataString(revision)}?recursive=true");
        for (var pages = 0; pages < MostPages; pages++)
        {
            var answer = await SendAsync(HttpMethod.Get, page, null, followAway: false, cancellationToken).ConfigureAwait(false);
            using var response = answer.Response;
            if (!response.IsSuccessStatusCode) throw HubErrors.Of(response, Access, repository, null, time);
            files.AddRange(await ReadTreeAsync(response, repository, revision, cancellationToken).ConfigureAwait(false));
            if (NextPage(response, page) is not { } next) return files;
            page = next;
        }

        throw NotTheHub(repository);
    }

    /// <summary>Opens the bytes from <paramref name="start"/> to before <paramref name="end"/>.</summary>
    /// <exception cref="HubException">It cannot be had, or is another file by now.</exception>
    public async Task<HubBody> OpenAsync(HubFile file, long start, long end, CancellationToken cancellationToken)
    {
        var answer = await SendAsync(
            HttpMethod.Get, FileAddress(file.Repository, file.Commit, file.Path), new RangeHeaderValue(start, end - 1), followAway: true,
            cancellationToken).ConfigureAwait(false);
        var response = answer.Response;
        try
        {
            if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable
                || (Sha256(answer.LinkedEtag) is { } hash && file.Sha256 is { } expected && hash != expected))
                throw new HubException(HubFault.Changed, $"'{file.Path}' of {file.Repository} became another file on the hub.");
            if (!response.IsSuccessStatusCode) throw HubErrors.Of(response, Access, file.Repository, file.Path, time);
            var range = response.Content.Headers.ContentRange;
            var whole = response.StatusCode == HttpStatusCode.OK;
            if (!whole && (response.StatusCode != HttpStatusCode.PartialContent
                || range?.From != start || range.To != end - 1 || (range.Length ?? file.Bytes) != file.Bytes))
                throw new HubException(HubFault.Interrupted, $"{response.RequestMessage!.RequestUri!.Host} answered with another range than was asked for.");
            if (whole && response.Content.Headers.ContentLength is { } length && length != file.Bytes)
                throw new HubException(HubFault.Interrupted, $"{response.RequestMessage!.RequestUri!.Host} answered with {length} bytes of a file of {file.Bytes}.");
            var stream = await response.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
            return new(response, stream, whole ? 0 : start, answer.Etag);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private Uri FileAddress(string repository, string revision, string path) => new(
        Access.Endpoint, $"{repository}/resolve/{Uri.EscapeDataString(revision)}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}");

    /// <summary>Sends a request and follows redirects; stops at one that leads away from the hub unless <paramref name="followAway"/>.</summary>
    private async Task<Answer> SendAsync(HttpMethod method, Uri address, RangeHeaderValue? range, bool followAway, CancellationToken cancellationToken)
    {
        string? linkedEtag = null;
        for (var hop = 0; hop <= MostRedirects; hop++)
        {
            using var request = new HttpRequestMessage(method, address);
            request.Headers.Range = range;
            if (Access.Token is not null && Access.IsHub(address)) request.Headers.Authorization = new("Bearer", Access.Token);
            var response = await SendAsync(request, cancellationToken).ConfigureAwait(false);
            linkedEtag ??= HubErrors.Header(response, "X-Linked-Etag");
            var location = (int)response.StatusCode is 301 or 302 or 303 or 307 or 308 && response.Headers.Location is { } to ? new Uri(address, to) : null;
            if (location is null || (!followAway && !Access.IsHub(location)))
                return new(response, linkedEtag, linkedEtag ?? response.Headers.ETag?.Tag, location);
            response.Dispose();
            if (location.Scheme is not ("http" or "https") || (address.Scheme == "https" && location.Scheme == "http"))
                throw new HubException(HubFault.Protocol, $"{address.Host} leads from an encrypted address to one that is not.");
            address = location;
        }

        throw new HubException(HubFault.Protocol, $"{Access.Endpoint.Host} redirects in a circle.");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var host = request.RequestUri!.Host;
        try
        {
            return await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        }
        catch (HttpRequestException exception)
        {
            throw new HubException(HubFault.NoNetwork, $"Cannot reach {host}: {HubErrors.Reason(exception)}.", exception);
        }
        catch (TimeoutRejectedException exception)
        {
            throw new HubException(HubFault.NoNetwork, $"Cannot reach {host}: no answer within {timings.Stall.TotalSeconds:0.#} s.", exception);
        }
    }

    private async Task<List<HubFile>> ReadTreeAsync(HttpResponseMessage response, string repository, string revision, CancellationToken cancellationToken)
    {
        try
        {
            using var stall = new StallGuard(timings.Stall, time, cancellationToken);
            var body = await response.Content.ReadAsStreamAsync(stall.Token).ConfigureAwait(false);
            using var tree = await JsonDocument.ParseAsync(body, cancellationToken: stall.Token).ConfigureAwait(false);
            return [.. tree.RootElement.EnumerateArray()
                .Where(entry => entry.GetProperty("type").GetString() == "file")
                .Select(entry => FileOf(entry, repository, revision))
                .Where(file => Catalog.HubNames.IsFile(file.Path))];
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw NotTheHub(repository, exception);
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new HubException(HubFault.NoNetwork, $"{Access.Endpoint.Host} broke off while it listed the files of {repository}.", exception);
        }
    }

    private static HubFile FileOf(JsonElement entry, string repository, string revision)
    {
        var path = entry.GetProperty("path").GetString()!;
        return entry.TryGetProperty("lfs", out var lfs)
            ? new(repository, revision, path, lfs.GetProperty("size").GetInt64(), Sha256(lfs.GetProperty("oid").GetString()))
            : new(repository, revision, path, entry.GetProperty("size").GetInt64(), null);
    }

    /// <summary>The address of the next page, which must be the hub's own.</summary>
    private Uri? NextPage(HttpResponseMessage response, Uri page)
    {
        var link = HubErrors.Header(response, "Link")?.Split(',').FirstOrDefault(part => part.Contains("rel=\"next\"", StringComparison.Ordinal));
        if (link?.Split('<', '>') is not [_, var address, ..]) return null;
        return Uri.TryCreate(page, address, out var next) && Access.IsHub(next) ? next : null;
    }

    /// <summary>The hash in an entity tag or object id, where that is one: 64 hexadecimal digits.</summary>
    private static string? Sha256(string? tag)
    {
        if (tag is null) return null;
        if (tag.StartsWith("W/", StringComparison.Ordinal)) tag = tag[2..];
        if (tag.StartsWith("sha256:", StringComparison.Ordinal)) tag = tag[7..];
        tag = tag.Trim('"');
        return tag.Length == 64 && tag.All(char.IsAsciiHexDigit) ? tag.ToLowerInvariant() : null;
    }

    private HubException NotTheHub(string repository, Exception? inner = null) => new(
        HubFault.Protocol, $"What {Access.Endpoint} answers about {repository} is not the hub's protocol; check HF_ENDPOINT and the proxy.", inner);

    /// <param name="Response">The last response; the caller disposes of it.</param>
    /// <param name="LinkedEtag">The hub's own tag of the file, also where the response is another host's.</param>
    /// <param name="Etag">The tag of what was answered.</param>
    /// <param name="Location">Where a redirect leads that was not followed.</param>
    private sealed record Answer(HttpResponseMessage Response, string? LinkedEtag, string? Etag, Uri? Location);
}
