using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Pocket.Model;

/// <summary>
/// Orders all weights of a model in one flat vector: the matrices first, layer by layer, then the embeddings, then the norms.
/// </summary>
/// <remarks>
/// One vector, because a step of the optimizer, a checkpoint and a fake quantization are then one pass over memory and not 106 small ones.
/// Query, key and value lie side by side, and gate and up too: each group is one multiplication.
/// </remarks>
internal sealed class WeightLayout
{
    private readonly List<WeightSlot> _slots = [];

    public WeightLayout(GemmaShape shape)
    {
        Shape = shape;
        var width = shape.EmbeddingLength;
        var queries = shape.HeadCount * shape.HeadLength;
        var keys = shape.KeyValueHeadCount * shape.HeadLength;
        for (var layer = 0; layer < shape.LayerCount; layer++)
        {
            Matrix($"blk.{layer}.attn_q.weight", queries, width);
            Matrix($"blk.{layer}.attn_k.weight", keys, width);
            Matrix($"blk.{layer}.attn_v.weight", keys, width);
            Matrix($"blk.{layer}.attn_output.weight", width, queries);
            Matrix($"blk.{layer}.ffn_gate.weight", shape.FeedForwardLength, width);
            Matrix($"blk.{layer}.ffn_up.weight", shape.FeedForwardLength, width);
            Matrix($"blk.{layer}.ffn_down.weight", width, shape.FeedForwardLength);
        }
        MatrixLength = Length;
        Add("token_embd.weight", WeightKind.Embedding, shape.VocabularySize, width);
        NormOffset = Length;
        for (var layer = 0; layer < shape.LayerCount; layer++)
        {
            Norm($"blk.{layer}.attn_norm.weight", width);
            Norm($"blk.{layer}.attn_q_norm.weight", shape.HeadLength);
            Norm($"blk.{layer}.attn_k_norm.weight", shape.HeadLength);
            Norm($"blk.{layer}.post_attention_norm.weight", width);
            Norm($"blk.{layer}.ffn_norm.weight", width);
            Norm($"blk.{layer}.post_ffw_norm.weight", width);
        }
        Norm("output_norm.weight", width);
    }

    /// <summary>The dimensions.</summary>
    public GemmaShape Shape { get; }

    /// <summary>All tensors in the order of the vector.</summary>
    public IReadOnlyList<WeightSlot> Slots => _slots;

    /// <summary>Number of weights.</summary>
    public int Length => _slots.Count == 0 ? 0 : _slots[^1].Offset + _slots[^1].Length;

    /// <summary>Number of weights in matrices, which come first.</summary>
    public int MatrixLength { get; }

    /// <summary>Index of the first weight of a norm; norms come last.</summary>
    public int NormOffset { get; }

    /// <summary>Lengths of the pieces that the model multiplies with, in order: see the remarks.</summary>
    public IEnumerable<long> PieceLengths()
    {
        for (var i = 0; i < _slots.Count; i++)
        {
            var name = _slots[i].Name;
            if (name.EndsWith("attn_q.weight", StringComparison.Ordinal))
                yield return _slots[i].Length + _slots[++i].Length + _slots[++i].Length;
            else if (name.EndsWith("ffn_gate.weight", StringComparison.Ordinal))
                yield return _slots[i].Length + _slots[++i].Length;
            else
                yield return _slots[i].Length;
        }
    }

    private void Matrix(string name, int height, int width) => Add(name, WeightKind.Matrix, height, width);

    private void Norm(string name, int width) => Add(name, WeightKind.Norm, 1, width);

    private void Add(string name, WeightKind kind, int height, int width) => _slots.Add(new WeightSlot(name, kind, Length, height, width));
}
