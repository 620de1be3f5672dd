using Gemma3Server.Catalog;

namespace Gemma3Server.Hosting;

/// <summary>Where pulled models are kept.</summary>
internal sealed record ModelsSettings
{
    /// <summary>The folder; empty = <see cref="ModelStore.DefaultDirectory"/>.</summary>
    public string? Directory { get; init; }

    /// <summary>The folder in use; empty where none is given and the user has no home.</summary>
    public string Effective => string.IsNullOrWhiteSpace(Directory) ? ModelStore.DefaultDirectory : Path.GetFullPath(Directory);
}
