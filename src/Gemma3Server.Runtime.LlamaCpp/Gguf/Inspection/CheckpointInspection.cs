namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

/// <summary>What a GGUF checkpoint tells about itself, without loading it.</summary>
public sealed record CheckpointInspection
{
    /// <summary>Its files, in order; more than one for a split checkpoint.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Bytes of all files.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Architecture, such as <c>gemma3</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>The checkpoint's own name, if it has one.</summary>
    public string? Name { get; init; }

    /// <summary>Why this server cannot run it; <see langword="null"/> when it can.</summary>
    public string? Refusal { get; init; }

    /// <summary>The published size it has the shape of, such as <c>4b</c>.</summary>
    public string? PublishedShape { get; init; }

    /// <summary>Dimensions by the name of their metadata key, such as <c>block_count</c>.</summary>
    public required IReadOnlyDictionary<string, string> Shape { get; init; }

    /// <summary>Number of weights.</summary>
    public required long Weights { get; init; }

    /// <summary>Bytes of all tensors.</summary>
    public required long TensorBytes { get; init; }

    /// <summary>Tensors by how they are stored, the most bytes first.</summary>
    public required IReadOnlyList<StorageShare> ByType { get; init; }

    /// <summary>Tensors by what they are for, the most bytes first.</summary>
    public required IReadOnlyList<StorageShare> ByRole { get; init; }

    /// <summary>Kind of tokenizer, such as <c>llama</c> (SentencePiece).</summary>
    public string? Tokenizer { get; init; }

    /// <summary>Number of tokens.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Ids of special tokens by the name of their role, such as <c>eot</c>.</summary>
    public required IReadOnlyDictionary<string, long> SpecialTokens { get; init; }

    /// <summary>Characters of the chat template; 0 = none.</summary>
    public required int ChatTemplateLength { get; init; }

    /// <summary>What the doctor found; empty = nothing.</summary>
    public required IReadOnlyList<CheckpointFinding> Findings { get; init; }
}
