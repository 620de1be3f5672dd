using Gemma3Server.Catalog;
using Gemma3Server.Hub.Download;

namespace Gemma3Server.Hub;

/// <summary>Brings the files of a model into the store, whole and verified, or leaves what has come for the next try.</summary>
/// <remarks>
/// 1. Ask the hub what the files are.
/// 2. Check that there is room for what is missing.
/// 3. One file after the other: take its lock; whoever waited for another pull finds the file in its place.
/// 4. Fetch the missing ranges, several at a time.
/// 5. Hash the whole file; only then is it moved to its place.
/// </remarks>
internal sealed class ModelPull(HubClient hub, ModelStore store, IPullProgress progress, HubTimings timings, TimeProvider time)
{
    /// <summary>Free bytes of the disk that a folder is on.</summary>
    internal Func<string, long> FreeSpace { get; init; } = folder => new DriveInfo(folder).AvailableFreeSpace;

    /// <exception cref="HubException">It cannot be had.</exception>
    public async Task<IReadOnlyList<PulledFile>> RunAsync(PullRequest request, CancellationToken cancellationToken)
    {
        // 1. What.
        progress.Report(new(PullPhase.Resolving, request.Repository, 0, 0, 0, null));
        var files = await new PullResolver(hub).ResolveAsync(request, cancellationToken).ConfigureAwait(false);
        try
        {
            // 2. Room.
            Directory.CreateDirectory(store.Directory);
            CheckRoom(files);
            var meter = new TransferMeter(progress, time, PullPhase.Downloading, files.Sum(file => file.Bytes));
            var pulled = new List<PulledFile>();
            foreach (var file in files) pulled.Add(await PullAsync(file, meter, cancellationToken).ConfigureAwait(false));
            return pulled;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw StorageFault.Of(exception, store.Directory);
        }
    }

    private async Task<PulledFile> PullAsync(HubFile file, TransferMeter meter, CancellationToken cancellationToken)
    {
        // 3. One at a time.
        using var held = await FileLock.TakeAsync(
            store.LockOf(file.Repository, file.Path), timings.LockPoll, time,
            () => progress.Report(new(PullPhase.Waiting, file.Path, 0, file.Bytes, 0, null)), cancellationToken).ConfigureAwait(false);
        if (await IsHereAsync(file, cancellationToken).ConfigureAwait(false))
        {
            meter.Begin(file.Path, file.Bytes);
            return Pulled(file, fetched: false);
        }

        var (path, journal) = (store.PartialOf(file.Repository, file.Path), store.JournalOf(file.Repository, file.Path));
        using (var partial = PartialFile.Open(path, journal, file.Bytes, file.Sha256!))
        {
            // 4. Fetch.
            meter.Begin(file.Path, partial.Done);
            await new FileDownload(hub, file, partial, timings, time) { Received = meter.Add, Note = progress.Note }.RunAsync(cancellationToken).ConfigureAwait(false);
        }

        // 5. Verify, and only then publish.
        var hash = await HashAsync(file, path, cancellationToken).ConfigureAwait(false);
        if (hash != file.Sha256)
        {
            File.Delete(journal);
            File.Delete(path);
            throw new HubException(HubFault.WrongHash, $"What came as '{file.Path}' of {file.Repository} is damaged: its SHA-256 is {hash}, "
                + $"the hub's {file.Sha256}. It was removed; pull again.");
        }

        store.Publish(new(file.Repository, file.Commit, file.Path, file.Bytes, hash, time.GetUtcNow()));
        return Pulled(file, fetched: true);
    }

    /// <summary>Whether the file is in its place; one without a receipt is hashed rather than fetched again.</summary>
    private async Task<bool> IsHereAsync(HubFile file, CancellationToken cancellationToken)
    {
        var path = store.PathOf(file.Repository, file.Path);
        if (!File.Exists(path)) return false;
        var receipt = store.ReceiptOf(file.Repository, file.Path);
        if (receipt is not null && receipt.Sha256 != file.Sha256) progress.Note($"the hub has another version of '{file.Path}' than is here; it replaces that");
        if (new FileInfo(path).Length != file.Bytes) return false;
        if (receipt is not null) return receipt.Sha256 == file.Sha256;
        if (await HashAsync(file, path, cancellationToken).ConfigureAwait(false) != file.Sha256) return false;
        store.Write(new(file.Repository, file.Commit, file.Path, file.Bytes, file.Sha256!, time.GetUtcNow()));
        return true;
    }

    private async Task<string> HashAsync(HubFile file, string path, CancellationToken cancellationToken)
    {
        var meter = new TransferMeter(progress, time, PullPhase.Verifying, file.Bytes);
        meter.Begin(file.Path, 0);
        return await FileHash.Sha256Async(path, meter.Add, cancellationToken).ConfigureAwait(false);
    }

    private void CheckRoom(IReadOnlyList<HubFile> files)
    {
        var needed = files.Where(file => !SeemsHere(file))
            .Sum(file => file.Bytes - PartialFile.Finished(
                store.PartialOf(file.Repository, file.Path), store.JournalOf(file.Repository, file.Path), file.Bytes, file.Sha256!));
        var free = FreeSpace(store.Directory);
        if (needed > free)
        {
            throw new HubException(HubFault.DiskFull, $"There is no room in '{store.Directory}': {ByteText.Of(needed)} more are needed and "
                + $"{ByteText.Of(free)} are free. Make room, or choose another folder with --models-dir.");
        }
    }

    /// <summary>Whether the file is here, or one without a receipt that may be it.</summary>
    private bool SeemsHere(HubFile file) => store.ReceiptOf(file.Repository, file.Path) is { } receipt
        ? receipt.Sha256 == file.Sha256
        : new FileInfo(store.PathOf(file.Repository, file.Path)) is { Exists: true } here && here.Length == file.Bytes;

    private PulledFile Pulled(HubFile file, bool fetched) => new(store.PathOf(file.Repository, file.Path), file.Bytes, file.Sha256!, file.Commit, fetched);
}
