using Gemma3Server.Catalog;

namespace Gemma3Server.Cli.Pull;

/// <summary>What the catalog and the store have, file by file.</summary>
internal static class ModelLines
{
    /// <summary>The files of all sources that a name means.</summary>
    public static IEnumerable<ModelLine> Of(CatalogMatch match, ModelStore store)
    {
        foreach (var (key, source) in match.Sources)
        {
            yield return Of(match.Entry.Name, "model", key, source, source.File, store);
            if (source.Projector is not null) yield return Of(match.Entry.Name, "projector", key, source, source.Projector, store);
        }
    }

    /// <summary>The pulled files that no entry of the catalog has.</summary>
    public static IEnumerable<ModelLine> Others(ModelCatalog catalog, ModelStore store)
    {
        var known = catalog.Entries.SelectMany(entry => entry.Sources.Values)
            .SelectMany(source => new[] { (source.Repository, source.File.Path), (source.Repository, source.Projector?.Path ?? "") }).ToHashSet();
        return store.Receipts().Where(receipt => !known.Contains((receipt.Repository, HubNames.Shards(receipt.File)[0]))).Select(Of);

        ModelLine Of(Receipt receipt) => new()
        {
            Name = $"{receipt.Repository}:{receipt.File}",
            Role = "model",
            Repository = receipt.Repository,
            File = receipt.File,
            Bytes = receipt.Bytes,
            State = "pulled",
            Path = store.PathOf(receipt.Repository, receipt.File),
            Sha256 = receipt.Sha256,
            Commit = receipt.Commit,
        };
    }

    private static ModelLine Of(string name, string role, string key, CatalogSource source, CatalogFile file, ModelStore store)
    {
        var here = store.Has(source.Repository, file.Path);
        var receipt = store.ReceiptOf(source.Repository, file.Path);
        var shards = HubNames.Shards(file.Path);
        return new()
        {
            Name = name,
            Role = role,
            Source = key,
            Repository = source.Repository,
            File = file.Path,
            Bytes = here ? shards.Sum(shard => new FileInfo(store.PathOf(source.Repository, shard)).Length) : file.Bytes > 0 ? file.Bytes : null,
            Gated = source.Gated,
            State = here ? "pulled" : shards.Any(shard => File.Exists(store.PartialOf(source.Repository, shard)) || File.Exists(store.PathOf(source.Repository, shard))) ? "partial" : "absent",
            Path = here ? store.PathOf(source.Repository, file.Path) : null,
            Sha256 = receipt?.Sha256 ?? (file.Sha256.Length > 0 ? file.Sha256 : null),
            Commit = receipt?.Commit,
        };
    }
}
