namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>One tensor of a synthetic checkpoint.</summary>
/// <param name="Name">llama.cpp's name of it.</param>
/// <param name="Type">How it is stored; <see cref="GgmlType.F32"/> for norms.</param>
/// <param name="Width">Length of a row.</param>
/// <param name="Height">Number of rows; 0 for a vector.</param>
/// <param name="Level">Mean of a norm's weights, or standard deviation of a matrix's.</param>
/// <param name="QuietRows">Rows at the start and at the end that are much smaller than the others.</param>
internal sealed record SyntheticTensor(string Name, GgmlType Type, int Width, int Height, float Level, (int First, int Last) QuietRows = default)
{
    /// <summary>Whether half of a norm's weights are negative.</summary>
    public bool HasRandomSigns { get; init; }

    /// <summary>A quiet row has this share of <see cref="Level"/>.</summary>
    public const float QuietShare = 0.25f;

    public long ByteLength => Type.ByteLength((long)Width * Math.Max(Height, 1));

    /// <summary>The tensors of a shape in the order of the file.</summary>
    /// <remarks>
    /// <para>Level of a matrix: one over the root of its width, so that it keeps the size of what it multiplies.</para>
    /// <para>Post-norms of 2: the layers outweigh the token's own embedding in the residual stream. What is left of it would, with tied
    /// embeddings, still pull the model towards repeating its last token; random signs in the output norm make that pull zero on average.</para>
    /// <para>Output norm: logits become a normal variable of deviation s, whose softmax over V tokens has a perplexity near V·exp(-s²/2).
    /// The s that makes that 32 gave some tens to some hundreds in the native library: samplers see a peaked distribution, as a trained
    /// model's is, and not a flat one.</para>
    /// <para>Rows of special tokens are quiet: generation rarely ends by itself.</para>
    /// </remarks>
    public static IEnumerable<SyntheticTensor> Of(GemmaShape shape, VocabularyLayout layout)
    {
        var width = shape.EmbeddingLength;
        var queries = shape.HeadCount * shape.HeadLength;
        var keys = shape.KeyValueHeadCount * shape.HeadLength;
        yield return new("token_embd.weight", shape.EmbeddingType, width, shape.VocabularySize, 1 / MathF.Sqrt(width),
            (VocabularyLayout.FirstByte, shape.VocabularySize - layout.StartOfImage));
        for (var layer = 0; layer < shape.LayerCount; layer++)
        {
            yield return Norm($"blk.{layer}.attn_norm.weight", width, 1);
            yield return Matrix(shape, $"blk.{layer}.attn_q.weight", width, queries);
            yield return Matrix(shape, $"blk.{layer}.attn_k.weight", width, keys);
            yield return Matrix(shape, $"blk.{layer}.attn_v.weight", width, keys);
            yield return Matrix(shape, $"blk.{layer}.attn_output.weight", queries, width);
            yield return Norm($"blk.{layer}.attn_q_norm.weight", shape.HeadLength, 2);
            yield return Norm($"blk.{layer}.attn_k_norm.weight", shape.HeadLength, 1);
            yield return Norm($"blk.{layer}.post_attention_norm.weight", width, 2);
            yield return Norm($"blk.{layer}.ffn_norm.weight", width, 1);
            yield return Matrix(shape, $"blk.{layer}.ffn_gate.weight", width, shape.FeedForwardLength);
            yield return Matrix(shape, $"blk.{layer}.ffn_up.weight", width, shape.FeedForwardLength);
            yield return Matrix(shape, $"blk.{layer}.ffn_down.weight", shape.FeedForwardLength, width);
            yield return Norm($"blk.{layer}.post_ffw_norm.weight", width, 2);
        }
        yield return Norm("output_norm.weight", width, MathF.Sqrt(2 * MathF.Log(shape.VocabularySize / 32f))) with { HasRandomSigns = true };
    }

    private static SyntheticTensor Norm(string name, int width, float mean) => new(name, GgmlType.F32, width, 0, mean);

    private static SyntheticTensor Matrix(GemmaShape shape, string name, int width, int height) => new(name, shape.MatrixType, width, height, 1 / MathF.Sqrt(width));
}
