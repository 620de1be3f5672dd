namespace Gemma3Server.Catalog;

/// <summary>A file of a <see cref="CatalogSource"/>.</summary>
internal sealed record CatalogFile
{
    /// <summary>Path inside the repository.</summary>
    public string Path { get; init; } = "";

    /// <summary>Length; 0 = not known. For planning only: what the hub says holds for a download.</summary>
    public long Bytes { get; init; }

    /// <summary>SHA-256 that the file must have, in hexadecimal; empty = what the hub says.</summary>
    public string Sha256 { get; init; } = "";
}
