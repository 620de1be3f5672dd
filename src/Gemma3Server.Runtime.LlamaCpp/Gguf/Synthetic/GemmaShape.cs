using System.Diagnostics.CodeAnalysis;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>
/// Dimensions of a Gemma 3 model. The published ones are from <c>config.py</c> of gemma_pytorch and, for 270M, from its Hugging Face config.
/// </summary>
public sealed record GemmaShape
{
    private static readonly GemmaShape[] All =
    [
        new()
        {
            Name = "tiny", SizeLabel = "1M", LayerCount = 6, EmbeddingLength = 128, FeedForwardLength = 512, HeadCount = 4, KeyValueHeadCount = 2,
            HeadLength = 64, SlidingWindow = 64, ContextLength = 32_768, VocabularySize = 2048,
        },
        new()
        {
            Name = "270m", SizeLabel = "270M", LayerCount = 18, EmbeddingLength = 640, FeedForwardLength = 2048, HeadCount = 4, KeyValueHeadCount = 1,
            HeadLength = 256, SlidingWindow = 512, ContextLength = 32_768,
        },
        new()
        {
            Name = "1b", SizeLabel = "1B", LayerCount = 26, EmbeddingLength = 1152, FeedForwardLength = 6912, HeadCount = 4, KeyValueHeadCount = 1,
            HeadLength = 256, SlidingWindow = 512, ContextLength = 32_768,
        },
        new()
        {
            Name = "4b", SizeLabel = "4B", LayerCount = 34, EmbeddingLength = 2560, FeedForwardLength = 10_240, HeadCount = 8, KeyValueHeadCount = 4,
            HeadLength = 256, SlidingWindow = 1024, ContextLength = 131_072, RopeScalingFactor = 8,
        },
        new()
        {
            Name = "12b", SizeLabel = "12B", LayerCount = 48, EmbeddingLength = 3840, FeedForwardLength = 15_360, HeadCount = 16, KeyValueHeadCount = 8,
            HeadLength = 256, SlidingWindow = 1024, ContextLength = 131_072, RopeScalingFactor = 8,
        },
        new()
        {
            Name = "27b", SizeLabel = "27B", LayerCount = 62, EmbeddingLength = 5376, FeedForwardLength = 21_504, HeadCount = 32, KeyValueHeadCount = 16,
            HeadLength = 128, SlidingWindow = 1024, ContextLength = 131_072, RopeScalingFactor = 8,
        },
    ];

    /// <summary>The names that <see cref="TryGet"/> knows, the smallest shape first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(shape => shape.Name)];

    /// <summary>A model of about one megabyte for tests: five local layers with a window of 64 and one global layer.</summary>
    public static GemmaShape Tiny => All[0];

    /// <summary>Name, such as <c>270m</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The size as model names write it, such as <c>270M</c>.</summary>
    public required string SizeLabel { get; init; }

    /// <summary>Transformer layers; every sixth one is global, the others are local.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Width of the residual stream; a multiple of 32.</summary>
    public required int EmbeddingLength { get; init; }

    /// <summary>Width of the feed-forward layer; a multiple of 32.</summary>
    public required int FeedForwardLength { get; init; }

    /// <summary>Query heads of one layer.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Key and value heads of one layer.</summary>
    public required int KeyValueHeadCount { get; init; }

    /// <summary>Width of one head.</summary>
    public required int HeadLength { get; init; }

    /// <summary>Window of the local layers, in tokens.</summary>
    public required int SlidingWindow { get; init; }

    /// <summary>Context length, in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Linear scaling of the global layers' rotary positions; 1 = none.</summary>
    public float RopeScalingFactor { get; init; } = 1;

    /// <summary>Number of token ids.</summary>
    public int VocabularySize { get; init; } = 262_144;

    /// <summary>Type of the token embeddings: <see cref="GgmlType.Q8_0"/>, or <see cref="GgmlType.F16"/> as in Google's own files.</summary>
    public GgmlType EmbeddingType { get; init; } = GgmlType.Q8_0;

    /// <summary>Type of all other matrices: <see cref="GgmlType.Q4_0"/>, or <see cref="GgmlType.F16"/> for a file to quantize.</summary>
    public GgmlType MatrixType { get; init; } = GgmlType.Q4_0;

    /// <summary>The same shape with all matrices and embeddings as <see cref="GgmlType.F16"/>.</summary>
    public GemmaShape InHalfPrecision() => this with { EmbeddingType = GgmlType.F16, MatrixType = GgmlType.F16 };

    /// <summary>Finds a shape by its name, whatever its case.</summary>
    public static bool TryGet(string name, [NotNullWhen(true)] out GemmaShape? shape)
    {
        shape = Array.Find(All, candidate => candidate.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return shape is not null;
    }
}
