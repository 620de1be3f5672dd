using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>What is repacked to what.</summary>
public sealed record RepackOptions
{
    /// <summary>The GGUF file to read, in one part.</summary>
    public required string SourcePath { get; init; }

    /// <summary>The GGUF file to write.</summary>
    public required string TargetPath { get; init; }

    /// <summary>Type of the token embeddings in the target: <see cref="GgmlType.Q8_0"/> or <see cref="GgmlType.Q6_K"/>.</summary>
    public required GgmlType EmbeddingType { get; init; }

    /// <summary>Whether a file at <see cref="TargetPath"/> is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Folder of the native library, as in <see cref="LlamaCppOptions.LibraryDirectory"/>.</summary>
    public string? LibraryDirectory { get; init; }
}
