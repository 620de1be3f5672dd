using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.LlamaCpp.Quantizing;

/// <summary>What is quantized to what.</summary>
public sealed record QuantizeOptions
{
    /// <summary>The GGUF file to read, in one part.</summary>
    public required string SourcePath { get; init; }

    /// <summary>The GGUF file to write.</summary>
    public required string TargetPath { get; init; }

    /// <summary>Type of the matrices: <see cref="GgmlType.Q4_0"/> or <see cref="GgmlType.Q8_0"/>.</summary>
    public required GgmlType Type { get; init; }

    /// <summary>
    /// Type of the token embeddings, and of the output matrix where a file has one. Gemma 3 uses its embeddings as output too, whose errors
    /// go straight into the logits: hence more than four bits.
    /// </summary>
    public GgmlType EmbeddingType { get; init; } = GgmlType.Q8_0;

    /// <summary>Whether a file at <see cref="TargetPath"/> is replaced.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Whether a source that is quantized already is taken: its loss adds to the new one.</summary>
    public bool AllowRequantize { get; init; }

    /// <summary>Threads; 0 = all cores.</summary>
    public int Threads { get; init; }

    /// <summary>Folder of the native library, as in <see cref="LlamaCppOptions.LibraryDirectory"/>.</summary>
    public string? LibraryDirectory { get; init; }
}
