using System.ComponentModel.DataAnnotations;
using Gemma3Server.Catalog;

namespace Gemma3Server.Hosting;

/// <summary>Where pulled models are kept, and which are served beside the default one.</summary>
internal sealed record ModelsSettings
{
    /// <summary>The folder; empty = <see cref="ModelStore.DefaultDirectory"/>.</summary>
    public string? Directory { get; init; }

    /// <summary>Further models with settings of their own, by their id in the API.</summary>
    public Dictionary<string, ServeSettings> Serve { get; init; } = [];

    /// <summary>
    /// Whether all pulled models are served, by their names and aliases. On: whoever pulled a model into the server's folder did so to use it, and
    /// one that nobody asks for costs nothing.
    /// </summary>
    public bool ServePulled { get; init; } = true;

    /// <summary>Models that are loaded when the server starts, beside the default one.</summary>
    public string[] Preload { get; init; } = [];

    /// <summary>Models that stay loaded once they are, beside the default one.</summary>
    public string[] Pinned { get; init; } = [];

    /// <summary>Whether the default model stays loaded.</summary>
    public bool PinDefault { get; init; } = true;

    /// <summary>How long a model stays after its last request: seconds, a time such as 5m, 0 = not at all, -1 = until room is needed. 5m is what Ollama's users know.</summary>
    public string KeepAlive { get; init; } = "5m";

    /// <summary>Most models that are loaded at the same time; 0 = as many as fit.</summary>
    [Range(0, 1000)]
    public int MostLoaded { get; init; }

    /// <summary>Most bytes that all loaded models take together, of the host and of GPUs; 0 = what is free.</summary>
    [Range(0L, 1L << 50)]
    public long MostBytes { get; init; }

    /// <summary>Seconds that a load waits until a busy model becomes idle. A minute is what most clients wait for a first token.</summary>
    [Range(0, 86_400)]
    public int RoomTimeout { get; init; } = 60;

    /// <summary>The folder in use; empty where none is given and the user has no home.</summary>
    public string Effective => string.IsNullOrWhiteSpace(Directory) ? ModelStore.DefaultDirectory : Path.GetFullPath(Directory);
}
