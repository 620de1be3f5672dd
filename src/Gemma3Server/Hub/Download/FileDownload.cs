using System.Collections.Concurrent;

namespace Gemma3Server.Hub.Download;

/// <summary>Fetches what is missing of one file into its <see cref="PartialFile"/>.</summary>
/// <remarks>
/// 1. Fetch the missing ranges, several at a time.
/// 2. A server that sends the whole file instead of a range is read in order, by one connection.
/// 3. When a server's tag of the file changes between ranges, they may be of two contents: begin anew, once.
/// Whatever ends the download, what has come is on disk and in the journal.
/// </remarks>
internal sealed class FileDownload(HubClient hub, HubFile file, PartialFile partial, HubTimings timings, TimeProvider time)
{
    /// <summary>The tags by server: two servers may call the same content differently.</summary>
    private readonly ConcurrentDictionary<string, string> _tags = new(StringComparer.Ordinal);

    /// <summary>Told how many more bytes have come, or fewer than it was told when some must come again; on any thread.</summary>
    public Action<long>? Received { get; init; }

    /// <summary>Told what the user should know; on any thread.</summary>
    public Action<string>? Note { get; init; }

    /// <exception cref="HubException">It cannot be had.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await FetchMissingAsync(cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (RangesChangedException) when (tries == 1)
            {
                // 3. Anew.
                Note?.Invoke($"'{file.Path}' changed on the server meanwhile; beginning anew");
                _tags.Clear();
                Received?.Invoke(-partial.Done);
                partial.Restart();
            }
            catch (RangesChangedException)
            {
                throw new HubException(HubFault.Changed, $"'{file.Path}' of {file.Repository} changes on the server again and again.");
            }
        }
    }

    private async Task FetchMissingAsync(CancellationToken cancellationToken)
    {
        try
        {
            // 1. In parallel.
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = timings.Connections, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(partial.Missing(timings.RangeBytes), parallel, async (range, stop) =>
                await Fetch(range, inOrder: range.Length == file.Bytes).RunAsync(stop).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (RangeIgnoredException)
        {
            // 2. In order.
            Note?.Invoke($"the server does not send parts of '{file.Path}': one connection, from its beginning");
            var first = partial.Missing(file.Bytes)[0].Start;
            Received?.Invoke(first - partial.Done);
            await Fetch(new(first, file.Bytes), inOrder: true).RunAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private RangeDownload Fetch(ByteRange range, bool inOrder) => new(hub, file, partial, timings, time, range)
    {
        InOrder = inOrder,
        Received = bytes => Received?.Invoke(bytes),
        CheckTag = CheckTag,
    };

    private void CheckTag(HubBody body)
    {
        if (body.Etag is { } tag && _tags.GetOrAdd(body.Authority, tag) != tag) throw new RangesChangedException();
    }
}
