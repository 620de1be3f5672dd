using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>How large the library's compute buffers become.</summary>
/// <remarks>
/// The library reserves the buffer for the worst micro-batch and shares it between tensors that do not live at the same time. The formulas
/// are fitted to what v0.5.0 reserves for the five published shapes (75 combinations of context, sequences, micro-batch, logits rows,
/// flash attention and cells: within 0.5 % but for one of 4 MiB); <c>PlannerAccuracyTests</c> compares them with the library at every build.
/// </remarks>
internal static class ComputeBuffers
{
    /// <summary>Positions, tokens and cell numbers of a row.</summary>
    private const int InputBytes = 40;

    /// <summary>Bytes of the buffer of a device that computes layers, and the output too where <paramref name="output"/> says so.</summary>
    public static long OfLayers(ModelFootprint model, ContextPlan plan, bool output = true)
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
        else if (plan.KeyType == GgmlType.F32 || plan.ValueType == GgmlType.F32)
        {
            // Flash attention reads 16 bits: the cells of a layer are converted in each step.
            var converted = (plan.KeyType == GgmlType.F32 ? model.KeyRowElements : 0L) + (plan.ValueType == GgmlType.F32 ? model.ValueRowElements : 0L);
            layer = Math.Max(layer, 2 * converted * plan.TotalCells + sizeof(float) * rows * (3 * width + 2L * model.QueryRowElements));
        }

        if (KvCacheType.IsQuantized(plan.KeyType) || KvCacheType.IsQuantized(plan.ValueType)) layer += sizeof(float) * rows * model.QueryRowElements; // rotated first
        var head = output ? sizeof(float) * (plan.MaxLogitsRows * (model.VocabularySize + 2 * width) + rows * width) : 0;
        return Math.Max(Masks(plan) + layer, head) + InputBytes * rows;
    }

    /// <summary>Bytes of the host's buffer where all layers are elsewhere: what goes into a step.</summary>
    public static long OfInputs(ModelFootprint model, ContextPlan plan) =>
        Masks(plan) + (sizeof(float) * (long)model.EmbeddingLength + InputBytes) * plan.MicroBatchTokens;

    /// <summary>Rows of the widest matrix in 8 bits, which the CPU multiplies with; it keeps them beside the compute buffer.</summary>
    public static long OfProcessor(ModelFootprint model, ContextPlan plan) =>
        GgmlType.Q8_0.ByteLength(Math.Max(model.FeedForwardLength, model.QueryRowElements) / 32L * 32) * plan.MicroBatchTokens;

    /// <summary>One mask for the global layers and one for the others: a number for each row and cell that it may see.</summary>
    private static long Masks(ContextPlan plan) =>
        (plan.FlashAttention == LlamaFlashAttention.Off ? sizeof(float) : sizeof(ushort)) * (plan.CellsSeen + plan.WindowCellsSeen) * plan.MicroBatchTokens;
}
