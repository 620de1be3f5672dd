namespace Gemma3Server.Hosting;

/// <summary>Which model is served.</summary>
internal sealed record ModelSettings
{
    /// <summary>Path of the GGUF file; empty = <see cref="EmbeddedModel"/>.</summary>
    public string? Path { get; init; }

    /// <summary>Id in the API; by default the file's name without its extension.</summary>
    public string? Id { get; init; }
}
