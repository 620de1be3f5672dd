using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>What of a checkpoint decides how much memory it takes: its dimensions, and the bytes of its tensors by what they are for.</summary>
/// <remarks>Read from the file's header, or known from a published shape: nothing is loaded for it.</remarks>
public sealed record ModelFootprint
{
    /// <summary>Every sixth layer of Gemma 3 sees the whole context, the others a window.</summary>
    private const int GlobalLayerStride = 6;

    /// <summary>Layers.</summary>
    public required int LayerCount { get; init; }

    /// <summary>Width of a row.</summary>
    public required int EmbeddingLength { get; init; }

    /// <summary>Width of a row in the feed-forward network.</summary>
    public required int FeedForwardLength { get; init; }

    /// <summary>Heads of attention.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Elements of one position's queries in one layer.</summary>
    public required int QueryRowElements { get; init; }

    /// <summary>Elements of one position's keys in one layer.</summary>
    public required int KeyRowElements { get; init; }

    /// <summary>Elements of one position's values in one layer.</summary>
    public required int ValueRowElements { get; init; }

    /// <summary>Window of the local layers, in tokens; 0 = all layers see everything.</summary>
    public required int SlidingWindow { get; init; }

    /// <summary>Positions that the checkpoint was trained for.</summary>
    public required int TrainedContextLength { get; init; }

    /// <summary>Token ids.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Bytes of the token embeddings.</summary>
    public required long TokenEmbeddingBytes { get; init; }

    /// <summary>Bytes of an output matrix of its own; 0 where the token embeddings are used, as in Gemma 3.</summary>
    public long OutputBytes { get; init; }

    /// <summary>Bytes of all layers; each has the same.</summary>
    public required long LayerBytes { get; init; }

    /// <summary>Bytes of all other tensors.</summary>
    public long OtherBytes { get; init; }

    /// <summary>Bytes of the projector file that comes with the model; 0 = none.</summary>
    public long ProjectorBytes { get; init; }

    /// <summary>
    /// Bytes of the published projector for a model of this width, in 16 bits: the same vision tower for all, and a matrix from its 1152
    /// elements to the model's. 0 where there is none, as for 270M and 1B.
    /// </summary>
    public long PublishedProjectorBytes => EmbeddingLength < 2560 ? 0 : 851_251_104 + (EmbeddingLength - 2560) * 1152L * sizeof(ushort);

    /// <summary>Bytes of all tensors, as <c>llama_model_size</c> counts them; the projector is a file of its own.</summary>
    public long WeightBytes => TokenEmbeddingBytes + OutputBytes + LayerBytes + OtherBytes;

    /// <summary>Layers that see the whole context.</summary>
    public int GlobalLayerCount => CountGlobal(0);

    /// <summary>Reads the header of a checkpoint, of all its files.</summary>
    /// <param name="path">The file, or the first part of a split one.</param>
    /// <exception cref="GgufException">Missing, damaged, or no Gemma 3 language model that the library could take; one line.</exception>
    public static ModelFootprint Read(string path)
    {
        var files = GgufShards.Open(path);
        GemmaCheckpoint.Validate(files.First(file => file.Path == path));
        return Of(files);
    }

    /// <summary>The footprint of a published shape.</summary>
    public static ModelFootprint Of(GemmaShape shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var tensors = SyntheticTensor.Of(shape, VocabularyLayout.Of(shape.VocabularySize)).ToList();
        long Bytes(Func<string, bool> chosen) => tensors.Where(tensor => chosen(tensor.Name)).Sum(tensor => tensor.ByteLength);
        return new()
        {
            LayerCount = shape.LayerCount,
            EmbeddingLength = shape.EmbeddingLength,
            FeedForwardLength = shape.FeedForwardLength,
            HeadCount = shape.HeadCount,
            QueryRowElements = shape.HeadCount * shape.HeadLength,
            KeyRowElements = shape.KeyValueHeadCount * shape.HeadLength,
            ValueRowElements = shape.KeyValueHeadCount * shape.HeadLength,
            SlidingWindow = shape.SlidingWindow,
            TrainedContextLength = shape.ContextLength,
            VocabularySize = shape.VocabularySize,
            TokenEmbeddingBytes = Bytes(IsEmbedding),
            LayerBytes = Bytes(IsLayer),
            OtherBytes = Bytes(name => !IsEmbedding(name) && !IsLayer(name)),
        };
    }

    /// <summary>Bytes of one of the three matrices of a layer's feed-forward network, the largest there are; all matrices are stored alike.</summary>
    internal long FeedForwardMatrixBytes
    {
        get
        {
            var rows = 3L * FeedForwardLength + 2L * QueryRowElements + KeyRowElements + ValueRowElements;
            return LayerBytes / LayerCount * FeedForwardLength / rows;
        }
    }

    /// <summary>Bytes of a cell of one layer.</summary>
    internal long KvRowBytes(ContextPlan plan) => plan.KeyType.ByteLength(KeyRowElements) + plan.ValueType.ByteLength(ValueRowElements);

    /// <summary>Layers from <paramref name="first"/> on that see the whole context.</summary>
    internal int CountGlobal(int first) => SlidingWindow > 0
        ? LayerCount / GlobalLayerStride - first / GlobalLayerStride
        : LayerCount - first;

    /// <summary>Of checked headers.</summary>
    internal static ModelFootprint Of(IReadOnlyList<GgufFile> files)
    {
        var first = files[0];
        int Number(string key, long otherwise) => (int)(first.GetInteger($"{GemmaCheckpoint.Architecture}.{key}") is > 0 and var value ? value : otherwise);
        var tensors = files.SelectMany(file => file.Tensors).ToList();
        long Bytes(Func<GgufTensor, bool> chosen) => tensors.Where(chosen).Sum(tensor => tensor.ByteLength);
        var width = Number("embedding_length", 0);
        var heads = Number("attention.head_count", 1);
        var keyHeads = Number("attention.head_count_kv", heads);
        var keyLength = Number("attention.key_length", width / heads);
        return new()
        {
            LayerCount = Number("block_count", 0),
            EmbeddingLength = width,
            FeedForwardLength = Number("feed_forward_length", 0),
            HeadCount = heads,
            QueryRowElements = heads * keyLength,
            KeyRowElements = keyHeads * keyLength,
            ValueRowElements = keyHeads * Number("attention.value_length", width / heads),
            SlidingWindow = Number("attention.sliding_window", 0),
            TrainedContextLength = Number("context_length", 0),
            VocabularySize = first.Metadata.GetValueOrDefault("tokenizer.ggml.tokens") is { IsArray: true } tokens ? tokens.Count : 0,
            TokenEmbeddingBytes = Bytes(tensor => CheckpointInspector.RoleOf(tensor.Name) == TensorRole.TokenEmbeddings),
            OutputBytes = Bytes(tensor => CheckpointInspector.RoleOf(tensor.Name) == TensorRole.Output),
            LayerBytes = Bytes(tensor => IsLayer(tensor.Name)),
            OtherBytes = Bytes(tensor => !IsLayer(tensor.Name) && CheckpointInspector.RoleOf(tensor.Name) is not (TensorRole.TokenEmbeddings or TensorRole.Output)),
        };
    }

    private static bool IsLayer(string name) => name.StartsWith("blk.", StringComparison.Ordinal);

    private static bool IsEmbedding(string name) => CheckpointInspector.RoleOf(name) == TensorRole.TokenEmbeddings;
}
