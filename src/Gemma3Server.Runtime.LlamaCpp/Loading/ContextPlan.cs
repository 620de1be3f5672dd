using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>The sizes of a context, decided and checked before anything is allocated.</summary>
internal sealed record ContextPlan
{
    /// <summary>The library pads contexts to this; attention runs over whole pads.</summary>
    private const int Pad = 256;

    /// <summary>Sequence ids that the library was built for.</summary>
    private const int MaxSequences = 256;

    /// <summary>Longest context where the caller asks for the model's own: a 128k one for each sequence is seldom meant.</summary>
    private const int DefaultContextLength = 8192;

    /// <summary>Every sixth layer of Gemma 3 sees the whole context, the others a window.</summary>
    private const int GlobalLayerStride = 6;

    public required int ContextLength { get; init; }

    public required int Sequences { get; init; }

    public required long TotalCells { get; init; }

    public required int BatchTokens { get; init; }

    public required int MicroBatchTokens { get; init; }

    /// <summary>Rows of a batch that may ask for logits: one of each sequence, or more where the caller asks.</summary>
    public required int MaxLogitsRows { get; init; }

    public required int Threads { get; init; }

    public required bool SharedCells { get; init; }

    public required LlamaFlashAttention FlashAttention { get; init; }

    public required GgmlType KeyType { get; init; }

    public required GgmlType ValueType { get; init; }

    /// <summary>Whether rows hand out their hidden states.</summary>
    public bool HiddenStates { get; init; }

    /// <summary>Bytes of all KV caches.</summary>
    public required long KvBytes { get; init; }

    /// <exception cref="ModelLoadException">An option is out of range, or the context does not fit into memory.</exception>
    public static ContextPlan Create(LlamaModel model, LlamaCppOptions options)
    {
        RequireRange(nameof(options.Parallel), options.Parallel, 1, MaxSequences);
        RequireRange(nameof(options.BatchTokens), options.BatchTokens, 1, 1 << 20);
        RequireRange(nameof(options.MicroBatchTokens), options.MicroBatchTokens, 1, 1 << 20);
        RequireRange(nameof(options.LogitsRows), options.LogitsRows, 0, 1 << 16);
        RequireRange(nameof(options.Threads), options.Threads, 0, 512);
        var trained = model.Info.TrainedContextLength;
        RequireRange(nameof(options.ContextLength), options.ContextLength, 0, trained, $" (the checkpoint was trained for {trained})");
        var keyType = KvCacheType.Parse(nameof(options.KeyCacheType), options.KeyCacheType);
        var valueType = KvCacheType.Parse(nameof(options.ValueCacheType), options.ValueCacheType);
        if (KvCacheType.IsQuantized(valueType) && options.FlashAttention == false)
            throw new ModelLoadException($"ValueCacheType '{options.ValueCacheType}' needs flash attention: switch it on, or use f16 values.");

        var context = PadUp(options.ContextLength == 0 ? Math.Min(trained, DefaultContextLength) : options.ContextLength);
        RequireRange(nameof(options.SharedCellCount), options.SharedCellCount, 0, int.MaxValue - Pad);
        var cells = options is { SharedCells: true, SharedCellCount: > 0 } ? PadUp(options.SharedCellCount) : context * options.Parallel;
        if (cells > int.MaxValue)
            throw new ModelLoadException($"{What(context, options.Parallel)} needs more cells than the library can address: lower the context length or the number of sequences.");
        if (options.SharedCells) context = Math.Min(context, cells);
        // A step takes a whole micro-batch of prompt beside one row of each running sequence.
        var batch = (int)Math.Min(Math.Max(options.BatchTokens, (long)options.MicroBatchTokens + options.Parallel), cells);
        var microBatch = Math.Min(options.MicroBatchTokens, batch);
        var windowLayers = model.Info.SlidingWindow > 0 ? model.Info.LayerCount - model.Info.LayerCount / GlobalLayerStride : 0;
        var rowBytes = RowBytes(nameof(options.KeyCacheType), keyType, model.KeyRowElements) + RowBytes(nameof(options.ValueCacheType), valueType, model.ValueRowElements);
        var windowCells = WindowCells(model.Info.SlidingWindow, context, cells, options, microBatch);
        var kvBytes = rowBytes * ((model.Info.LayerCount - windowLayers) * cells + windowLayers * windowCells);
        RequireMemory(model, options, batch, microBatch, context, options.SharedCells ? cells : context, kvBytes);

        return new()
        {
            ContextLength = (int)context,
            Sequences = options.Parallel,
            TotalCells = cells,
            BatchTokens = batch,
            MicroBatchTokens = microBatch,
            MaxLogitsRows = LogitsRows(options, batch),
            Threads = options.Threads == 0 ? ProcessorTopology.DefaultThreads() : options.Threads,
            SharedCells = options.SharedCells,
            KeyType = keyType,
            ValueType = valueType,
            KvBytes = kvBytes,
            FlashAttention = options.FlashAttention switch { true => LlamaFlashAttention.On, false => LlamaFlashAttention.Off, null => LlamaFlashAttention.Auto },
        };
    }

    /// <summary>Cells of the local layers, as llama-kv-cache-iswa computes them: the window plus a micro-batch, for each stream.</summary>
    private static long WindowCells(int window, long context, long cells, LlamaCppOptions options, int microBatch) => options.SharedCells
        ? PadUp(Math.Min(cells, (long)window * options.Parallel + microBatch))
        : PadUp(Math.Min(context, (long)window + microBatch)) * options.Parallel;

    private static long RowBytes(string option, GgmlType type, int elements) => elements % GgmlBaseNative.ggml_blck_size(type) == 0
        ? (long)GgmlBaseNative.ggml_row_size(type, elements)
        : throw new ModelLoadException($"{option} '{type}' does not divide this checkpoint's rows of {elements} elements: use f16.");

    /// <summary>The library asserts that it was promised a row of each sequence at least, and a batch cannot use more than its own.</summary>
    private static int LogitsRows(LlamaCppOptions options, int batch) => Math.Max(options.Parallel, Math.Min(options.LogitsRows, batch));

    /// <exception cref="ModelLoadException">The context does not fit beside the weights.</exception>
    private static void RequireMemory(LlamaModel model, LlamaCppOptions options, int batch, int microBatch, long context, long cellsSeen, long kvBytes)
    {
        var devices = ComputeDevice.All().Where(device => device.IsGpu).ToArray();
        var logits = (long)LogitsRows(options, batch) * model.Info.VocabularySize * sizeof(float);
        var heads = options.FlashAttention == false ? model.HeadCount : 0;
        var compute = MemoryEstimate.ComputeBytes(microBatch, model.Info.EmbeddingLength, model.FeedForwardLength, heads, cellsSeen, logits);
        var estimate = MemoryEstimate.Create(model.Info.LayerCount, devices.Length == 0 ? 0 : options.GpuLayers, model.Info.WeightBytes, kvBytes, compute, logits);

        // Free before the load, but no more than now beside the weights: another context may have come since.
        var now = HostMemory.Available();
        var hostFree = Math.Min(model.HostFreeBefore, now > long.MaxValue - estimate.HostWeights ? now : now + estimate.HostWeights);
        estimate.Require(What(context, options.Parallel), hostFree, devices.Sum(device => device.FreeBytes));
    }

    private static string What(long context, int sequences) => $"A context of {context} positions for {sequences} sequences";

    private static long PadUp(long value) => (value + Pad - 1) / Pad * Pad;

    private static void RequireRange(string option, long value, long least, long most, string why = "")
    {
        if (value < least || value > most) throw new ModelLoadException($"{option} {value} is out of range: it must be {least} to {most}{why}.");
    }
}
