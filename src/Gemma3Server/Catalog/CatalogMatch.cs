namespace Gemma3Server.Catalog;

/// <summary>What a name means in the catalog.</summary>
/// <param name="Entry">The model.</param>
/// <param name="Source">Key of the source that the name picks, since it is that one's repository or file; null = any.</param>
internal sealed record CatalogMatch(CatalogEntry Entry, string? Source)
{
    /// <summary>The sources that the name allows, the preferred one first.</summary>
    public IEnumerable<KeyValuePair<string, CatalogSource>> Sources => Entry.InOrder.Where(source => Source is null || source.Key == Source);
}
