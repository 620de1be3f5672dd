namespace Gemma3Server.Catalog;

/// <summary>A repository of the hub that has a model of the catalog.</summary>
internal sealed record CatalogSource
{
    /// <summary>The repository: <c>owner/name</c>.</summary>
    public string Repository { get; init; } = "";

    /// <summary>Branch, tag or commit.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Whether its licence must be accepted on the hub before it can be downloaded, with a token.</summary>
    public bool Gated { get; init; }

    /// <summary>The model; of a sharded one (<c>-00001-of-0000N.gguf</c>) the first shard.</summary>
    public CatalogFile File { get; init; } = new();

    /// <summary>The projector that turns images into embeddings; models without vision have none.</summary>
    public CatalogFile? Projector { get; init; }
}
