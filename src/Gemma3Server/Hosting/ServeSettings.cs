namespace Gemma3Server.Hosting;

/// <summary>A model that is served beside the default one. What is not given is as for that.</summary>
internal sealed record ServeSettings
{
    /// <summary>Path of the GGUF file, or the name of a pulled model; empty = the id.</summary>
    public string? Path { get; init; }

    /// <summary>Path of the GGUF file of a smaller model that drafts for it, or the name of a pulled one; empty = none.</summary>
    public string? DraftPath { get; init; }

    /// <summary>How it is to write calls of tools: json or pythonic.</summary>
    public string? ToolFormat { get; init; }

    /// <summary>Tokens of one conversation.</summary>
    public int? ContextLength { get; init; }

    /// <summary>Conversations that run at the same time.</summary>
    public int? Parallel { get; init; }

    /// <summary>Layers on the GPU.</summary>
    public int? GpuLayers { get; init; }

    /// <summary>Whether its conversations share one pool of KV cells: auto, true or false. A word, since auto is not the same as nothing here.</summary>
    public string? SharedCells { get; init; }

    /// <summary>How long it stays after its last request.</summary>
    public string? KeepAlive { get; init; }

    /// <summary>The settings of the server with those of this model.</summary>
    public Gemma3ServerOptions Over(Gemma3ServerOptions options, string id) => options with
    {
        Model = new() { Id = id, Path = string.IsNullOrWhiteSpace(Path) ? id : Path, DraftPath = DraftPath, ToolFormat = ToolFormat ?? options.Model.ToolFormat },
        Runtime = options.Runtime with
        {
            ContextLength = ContextLength ?? options.Runtime.ContextLength,
            Parallel = Parallel ?? options.Runtime.Parallel,
            GpuLayers = GpuLayers ?? options.Runtime.GpuLayers,
            SharedCells = string.IsNullOrEmpty(SharedCells) ? options.Runtime.SharedCells : bool.TryParse(SharedCells, out var shared) ? shared : null,
        },
        Models = options.Models with { KeepAlive = KeepAlive ?? options.Models.KeepAlive },
    };
}
