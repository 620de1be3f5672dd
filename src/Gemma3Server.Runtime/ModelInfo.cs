namespace Gemma3Server.Runtime;

/// <summary>Facts about a loaded checkpoint.</summary>
public sealed record ModelInfo
{
    /// <summary>The checkpoint's own name (<c>general.name</c>), or the file name without its extension.</summary>
    public required string Name { get; init; }

    /// <summary>Architecture as the checkpoint names it: <c>gemma3</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Full path of the file, empty for a runtime without one.</summary>
    public string Path { get; init; } = "";

    /// <summary>Human-readable description, such as <c>gemma3 1B Q4_0</c>.</summary>
    public string Description { get; init; } = "";

    /// <summary>Number of weights.</summary>
    public long ParameterCount { get; init; }

    /// <summary>Bytes of all tensors.</summary>
    public long WeightBytes { get; init; }

    /// <summary>Number of token ids.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Context length the model was trained for, in tokens.</summary>
    public required int TrainedContextLength { get; init; }

    /// <summary>Width of an embedding row.</summary>
    public int EmbeddingLength { get; init; }

    /// <summary>Number of transformer layers.</summary>
    public int LayerCount { get; init; }

    /// <summary>Window of the local attention layers in tokens; 0 = none.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>The Jinja chat template in the file, if any. Gemma 3's is written in C#, so this serves only to recognise it.</summary>
    public string? ChatTemplate { get; init; }
}
