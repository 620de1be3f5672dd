namespace Gemma3Server.Catalog;

/// <summary>What somebody means by a name: a model of the catalog, or a repository of the hub and perhaps a file in it.</summary>
internal sealed record ModelReference
{
    private ModelReference(string name, CatalogMatch? match, string? repository, string? file) =>
        (Name, Match, Repository, File) = (name, match, repository, file);

    /// <summary>The name as it was given.</summary>
    public string Name { get; }

    /// <summary>The model of the catalog, if it is one.</summary>
    public CatalogMatch? Match { get; }

    /// <summary>The repository, if it is no model of the catalog.</summary>
    public string? Repository { get; }

    /// <summary>The file, or a part of its name; null = the only one.</summary>
    public string? File { get; }

    /// <summary>Reads a catalog name, <c>OWNER/NAME</c> or <c>OWNER/NAME:FILE</c>; null = it is none of these.</summary>
    public static ModelReference? Read(ModelCatalog catalog, string name)
    {
        name = name.Trim();
        if (catalog.Find(name) is { } match) return new(name, match, null, null);
        var (repository, file) = name.Split(':', 2) is [var before, var after] ? (before, after) : (name, null);
        return HubNames.IsRepository(repository) && (file is null || HubNames.IsFile(file)) ? new(name, null, repository, file) : null;
    }

    /// <summary>The pulled file, or the first of its shards, that it means; null = it is not here, or not whole.</summary>
    public string? Locate(ModelStore store)
    {
        if (Match is not null)
        {
            return Match.Sources.Select(source => source.Value)
                .Where(source => store.Has(source.Repository, source.File.Path))
                .Select(source => store.PathOf(source.Repository, source.File.Path)).FirstOrDefault();
        }

        var here = store.Receipts().Where(receipt => receipt.Repository == Repository).Select(receipt => receipt.File);
        return GgufChoice.Of(here, File).File is { } file && store.Has(Repository!, file) ? store.PathOf(Repository!, file) : null;
    }
}
