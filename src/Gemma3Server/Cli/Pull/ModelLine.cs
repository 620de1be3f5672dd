namespace Gemma3Server.Cli.Pull;

/// <summary>A file of the catalog or of the store, as a line of <c>list</c> and <c>show</c> and their JSON.</summary>
internal sealed record ModelLine
{
    /// <summary>Name in the catalog, or <c>OWNER/NAME:FILE</c>.</summary>
    public required string Name { get; init; }

    /// <summary>What the file is: <c>model</c> or <c>projector</c>.</summary>
    public required string Role { get; init; }

    /// <summary>Key of the source in the catalog.</summary>
    public string? Source { get; init; }

    /// <summary>The repository.</summary>
    public required string Repository { get; init; }

    /// <summary>The file in it.</summary>
    public required string File { get; init; }

    /// <summary>Its length, if known.</summary>
    public long? Bytes { get; init; }

    /// <summary>Whether a licence must be accepted first.</summary>
    public bool Gated { get; init; }

    /// <summary><c>pulled</c>, <c>partial</c>, or <c>absent</c>.</summary>
    public required string State { get; init; }

    /// <summary>Where it lies, if it is here.</summary>
    public string? Path { get; init; }

    /// <summary>The hash of what is here, or the one that the catalog asks for.</summary>
    public string? Sha256 { get; init; }

    /// <summary>The commit of what is here.</summary>
    public string? Commit { get; init; }
}
