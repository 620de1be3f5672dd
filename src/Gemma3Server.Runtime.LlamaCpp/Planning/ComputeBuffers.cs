using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>How large the library's compute buffers become.</summary>
/// <remarks>
/// The library reserves the buffer for the worst micro-batch and shares it between tensors that do not live at the same time. The formulas
/// are fitted to what v0.5.0 reserves for the five published shapes (75 combinations of context, sequences, micro-batch, logits rows,
/// flash attention and cells: within 0.5 % but for one of 4 MiB); <c>PlannerAccuracyTests</c> compares them with the library at every build.
/// Those of a GPU were compared by hand with the library's Vulkan backend on a software driver (all shapes, 0 to all layers): within 7 % with all
/// layers on it, within 15 % otherwise, which is below 1 % of all that is taken.
/// </remarks>
internal static class ComputeBuffers
{
    /// <summary>Positions, tokens and cell numbers of a row.</summary>
    private const int InputBytes = 40;

    /// <summary>Bytes of the buffer of a device that computes all layers and the output.</summary>
    public static long OfLayers(ModelFootprint model, ContextPlan plan) => OfLayers(model, plan, static type => type == GgmlType.F32);

    private static long OfLayers(ModelFootprint model, ContextPlan plan, Func<GgmlType, bool> isConverted)
    {
        long rows = plan.MicroBatchTokens;
        var flash = plan.FlashAttention != LlamaFlashAttention.Off;
        long width = model.EmbeddingLength;

        // Residual stream, its norms and the queries beside the three halves of the feed-forward network.
        var layer = sizeof(float) * rows * (3L * model.FeedForwardLength + 3 * width + model.QueryRowElements);
        if (!flash)
        {
            var scores = sizeof(float) * rows * model.HeadCount * plan.CellsSeen;
            layer = Math.Max(layer, scores + sizeof(float) * rows * (3 * width + 2L * model.QueryRowElements + 4L * model.KeyRowElements));
        }
        else if (isConverted(plan.KeyType) || isConverted(plan.ValueType))
        {
            // Flash attention reads 16 bits: the cells of a layer are converted in each step.
            var converted = (isConverted(plan.KeyType) ? model.KeyRowElements : 0L) + (isConverted(plan.ValueType) ? model.ValueRowElements : 0L);
            layer = Math.Max(layer, 2 * converted * plan.TotalCells + sizeof(float) * rows * (3 * width + 2L * model.QueryRowElements));
        }

        if (KvCacheType.IsQuantized(plan.KeyType) || KvCacheType.IsQuantized(plan.ValueType)) layer += sizeof(float) * rows * model.QueryRowElements; // rotated first
        var head = sizeof(float) * (plan.MaxLogitsRows * (model.VocabularySize + 2 * width) + rows * width);
        return Math.Max(Masks(plan) + layer, head) + InputBytes * rows;
    }

    /// <summary>Bytes of a GPU's buffer.</summary>
    /// <remarks>
    /// Prompts are computed on the GPU even where layers are on the host: their matrices and their KV are copied over, one layer at a time. Decode
    /// steps compute such layers on the processor.
    /// </remarks>
    /// <param name="model">The model.</param>
    /// <param name="plan">The context.</param>
    /// <param name="hostLayers">Layers that are on the host: the first ones.</param>
    public static long OfGpu(ModelFootprint model, ContextPlan plan, int hostLayers)
    {
        // CUDA's kernels for whole prompts read 16-bit floats and nothing else (fattn.cu).
        var whole = OfLayers(model, plan, static type => type != GgmlType.F16);
        if (hostLayers == 0) return whole;
        long rows = plan.MicroBatchTokens;
        long width = model.EmbeddingLength;
        var hasGlobal = model.CountGlobal(0) > model.CountGlobal(hostLayers);
        var kv = model.KvRowBytes(plan) * (hasGlobal ? plan.TotalCells : plan.WindowCells);
        var attention = kv + sizeof(float) * rows * (3 * width + 2L * model.QueryRowElements);
        var feedForward = model.FeedForwardMatrixBytes + sizeof(float) * rows * 3L * model.FeedForwardLength;
        var twoMatrices = 2 * model.FeedForwardMatrixBytes + sizeof(float) * rows * 7 * width / 4;
        return Math.Max(whole, Masks(plan) + Math.Max(attention, Math.Max(feedForward, twoMatrices)));
    }

    /// <summary>Bytes of the host's buffer beside a GPU: what goes into a step, the embeddings before and after they are scaled.</summary>
    public static long OfInputs(ModelFootprint model, ContextPlan plan) =>
        Masks(plan) + (2L * sizeof(float) * model.EmbeddingLength + InputBytes) * plan.MicroBatchTokens;

    /// <summary>Rows of the widest matrix in 8 bits, which the CPU multiplies with; it keeps them beside the compute buffer.</summary>
    public static long OfProcessor(ModelFootprint model, ContextPlan plan) =>
        GgmlType.Q8_0.ByteLength(Math.Max(model.FeedForwardLength, model.QueryRowElements) / 32L * 32) * plan.MicroBatchTokens;

    /// <summary>One mask for the global layers and one for the others: a number for each row and cell that it may see.</summary>
    private static long Masks(ContextPlan plan) =>
        (plan.FlashAttention == LlamaFlashAttention.Off ? sizeof(float) : sizeof(ushort)) * (plan.CellsSeen + plan.WindowCellsSeen) * plan.MicroBatchTokens;
}
