namespace Gemma3Server.Catalog;

/// <summary>One model of the catalog (section <c>Gemma3:Catalog</c>, by name): what it is called and where its files are.</summary>
internal sealed record CatalogEntry
{
    /// <summary>The name: the entry's key in the configuration.</summary>
    public string Name { get; internal init; } = "";

    /// <summary>Further names. Repositories and file names of the sources are names by themselves.</summary>
    public string[] Aliases { get; init; } = [];

    /// <summary>What the licence is called.</summary>
    public string Licence { get; init; } = "";

    /// <summary>Where the licence stands.</summary>
    public string LicencePage { get; init; } = "";

    /// <summary>Key of the source that is taken unless another one is asked for.</summary>
    public string Source { get; init; } = "";

    /// <summary>Repositories that have the model, by key; their files differ.</summary>
    public Dictionary<string, CatalogSource> Sources { get; init; } = [];

    /// <summary>Smaller models of the same vocabulary that can draft for this one, the best first.</summary>
    public string[] Drafts { get; init; } = [];

    /// <summary>The sources, that of <see cref="Source"/> first.</summary>
    public IEnumerable<KeyValuePair<string, CatalogSource>> InOrder =>
        Sources.OrderBy(source => !source.Key.Equals(Source, StringComparison.OrdinalIgnoreCase)).ThenBy(source => source.Key, StringComparer.Ordinal);

    /// <summary>Bytes of the model file in the first source; 0 = not known.</summary>
    public long Bytes => InOrder.Select(source => source.Value.File.Bytes).FirstOrDefault();
}
