using Gemma3Server.Catalog;

namespace Gemma3Server.Hub;

/// <summary>Finds out what a pull is of: the commit, and the files with their lengths and hashes.</summary>
internal sealed class PullResolver(HubClient hub)
{
    private const int MostNames = 12;

    /// <exception cref="HubException">It cannot be had, or a hash is not the one that is known.</exception>
    public async Task<IReadOnlyList<HubFile>> ResolveAsync(PullRequest request, CancellationToken cancellationToken)
    {
        var items = request.Items;
        if (items.Count == 0) items = [new(await ChooseAsync(request, cancellationToken).ConfigureAwait(false))];
        items = [.. items.SelectMany(item => HubNames.Shards(item.Path) is { Count: > 1 } shards ? shards.Select(shard => new PullItem(shard)) : [item])];

        // The first file says whether it may be downloaded, and which commit the revision is; all else is of that commit.
        var first = await ResolveFirstAsync(request, items[0].Path, cancellationToken).ConfigureAwait(false);
        var listed = (await hub.ListAsync(request.Repository, first.Commit, cancellationToken).ConfigureAwait(false)).ToDictionary(file => file.Path, StringComparer.Ordinal);
        var files = items.Select(item => listed.GetValueOrDefault(item.Path) ?? throw Missing(request.Repository, item.Path, listed.Keys)).ToList();
        if (first.Sha256 is not null && files[0].Sha256 is { } hash && (hash != first.Sha256 || files[0].Bytes != first.Bytes))
            throw new HubException(HubFault.Protocol, $"The hub says two things about '{first.Path}' of {first.Repository}; try again in a minute.");
        foreach (var (item, file) in items.Zip(files)) Check(item, file);
        return files;
    }

    private async Task<string> ChooseAsync(PullRequest request, CancellationToken cancellationToken)
    {
        var files = await hub.ListAsync(request.Repository, request.Revision, cancellationToken).ConfigureAwait(false);
        var choice = GgufChoice.Of(files.Select(file => file.Path), request.Choice);
        if (choice.File is not null) return choice.File;
        throw choice.Candidates.Count == 0
            ? new HubException(HubFault.NotFound, $"There is no GGUF model in {request.Repository}.")
            : new HubException(HubFault.NotFound, request.Choice is null
                ? $"{request.Repository} has several models; choose one with {request.Repository}:FILE: {Names(choice.Candidates)}."
                : $"'{request.Choice}' is not one model of {request.Repository}; it has {Names(choice.Candidates)}.");
    }

    private async Task<HubFile> ResolveFirstAsync(PullRequest request, string path, CancellationToken cancellationToken)
    {
        try
        {
            return await hub.ResolveAsync(request.Repository, request.Revision, path, cancellationToken).ConfigureAwait(false);
        }
        catch (HubException exception) when (exception.Fault == HubFault.NotFound)
        {
            IReadOnlyList<HubFile> files;
            try
            {
                files = await hub.ListAsync(request.Repository, request.Revision, cancellationToken).ConfigureAwait(false);
            }
            catch (HubException)
            {
                throw exception;
            }

            throw Missing(request.Repository, path, files.Select(file => file.Path));
        }
    }

    private static HubException Missing(string repository, string path, IEnumerable<string> present)
    {
        var models = GgufChoice.Of(present, "").Candidates;
        return new(HubFault.NotFound, $"There is no file '{path}' in {repository}{(models.Count == 0 ? "" : $"; it has {Names(models)}")}.");
    }

    private static void Check(PullItem item, HubFile file)
    {
        if (file.Sha256 is null)
            throw new HubException(HubFault.Protocol, $"The hub gives no SHA-256 of '{file.Path}' in {file.Repository}, so that it could not be verified.");
        if (item.Sha256.Length > 0 && !item.Sha256.Equals(file.Sha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new HubException(HubFault.WrongHash, $"'{file.Path}' of {file.Repository} is not the file that the catalog knows (SHA-256 {file.Sha256}, expected "
                + $"{item.Sha256}); nothing was downloaded. If its owner replaced it, set the entry's Sha256 in Gemma3:Catalog to the new one or to nothing.");
        }
    }

    private static string Names(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(MostNames)) + (names.Count > MostNames ? $" and {names.Count - MostNames} more" : "");
}
