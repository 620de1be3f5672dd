using System.Buffers;

namespace Gemma3Server.Hub.Download;

/// <summary>Fetches one range, over as many connections as break off on the way; gives up after some in a row that bring nothing.</summary>
internal sealed class RangeDownload(HubClient hub, HubFile file, PartialFile partial, HubTimings timings, TimeProvider time, ByteRange range)
{
    private const int BufferBytes = 128 * 1024;

    private long _position = range.Start;

    /// <summary>Whether a server may send the file from its beginning; what is before the range is then passed over.</summary>
    public bool InOrder { get; init; }

    /// <summary>Told how many more bytes have come.</summary>
    public required Action<long> Received { get; init; }

    /// <summary>Looks at each answer before its bytes are taken.</summary>
    public required Action<HubBody> CheckTag { get; init; }

    /// <exception cref="HubException">It cannot be had, or written.</exception>
    /// <exception cref="RangeIgnoredException">The server sends the whole file, and it may not.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        for (var failures = 0; _position < range.End;)
        {
            var before = _position;
            try
            {
                await FetchAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (HubException exception) when (exception.Fault == HubFault.Interrupted)
            {
                failures = _position > before ? 1 : failures + 1;
                if (failures >= timings.Attempts) throw;
                await Task.Delay(timings.RetryDelay * Math.Pow(2, failures - 1), time, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>One connection: from where the last one ended, to the range's end or where this one breaks off.</summary>
    private async Task FetchAsync(CancellationToken cancellationToken)
    {
        using var body = await hub.OpenAsync(file, _position, range.End, cancellationToken).ConfigureAwait(false);
        if (body.Start != _position && !InOrder) throw new RangeIgnoredException();
        CheckTag(body);
        using var stall = new StallGuard(timings.Stall, time, cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        var committed = _position;
        try
        {
            for (var at = body.Start; _position < range.End;)
            {
                stall.Restart();
                var count = await ReadAsync(body, buffer.AsMemory(0, (int)Math.Min(BufferBytes, range.End - at)), stall, cancellationToken).ConfigureAwait(false);
                var passed = (int)Math.Clamp(_position - at, 0, count);
                at += count;
                if (passed == count) continue;
                await WriteAsync(buffer.AsMemory(passed, count - passed), cancellationToken).ConfigureAwait(false);
                if (_position - committed < timings.CommitBytes) continue;
                Commit(committed);
                committed = _position;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
            Commit(committed);
        }
    }

    private async Task<int> ReadAsync(HubBody body, Memory<byte> buffer, StallGuard stall, CancellationToken cancellationToken)
    {
        try
        {
            if (await body.Stream.ReadAsync(buffer, stall.Token).ConfigureAwait(false) is var count and > 0) return count;
            throw new HubException(HubFault.Interrupted, $"{body.Authority} broke off while '{file.Path}' was fetched.");
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException)
        {
            throw new HubException(HubFault.Interrupted, $"{body.Authority} broke off while '{file.Path}' was fetched.", exception);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new HubException(HubFault.Interrupted, $"{body.Authority} sent nothing of '{file.Path}' for {timings.Stall.TotalSeconds:0.#} s.", exception);
        }
    }

    private async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            await partial.WriteAsync(_position, bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageFault.Of(exception, file.Path);
        }

        _position += bytes.Length;
        Received(bytes.Length);
    }

    private void Commit(long from)
    {
        try
        {
            partial.Commit(new(from, _position));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageFault.Of(exception, file.Path);
        }
    }
}
