using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Planning;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>The sizes of a context, decided and checked before anything is allocated.</summary>
internal sealed record ContextPlan
{
    private const int FlashTile = 64;

    /// <summary>The library pads contexts to this; attention runs over whole pads.</summary>
    public const int Pad = 256;

    /// <summary>Sequence ids that the library was built for.</summary>
    public const int MaxSequences = 256;

    /// <summary>Longest context where the caller asks for the model's own: a 128k one for each sequence is seldom meant.</summary>
    public const int DefaultContextLength = 8192;

    /// <summary>Sequences where the caller leaves them open.</summary>
    public const int DefaultSequences = 4;

    public required int ContextLength { get; init; }

    public required int Sequences { get; init; }

    public required long TotalCells { get; init; }

    /// <summary>Cells of a sliding-window layer, of all sequences.</summary>
    public required long WindowCells { get; init; }

    /// <summary>Cells of a global layer that a row may see: those of its sequence, or all shared ones.</summary>
    public required long CellsSeen { get; init; }

    /// <summary>Cells of a sliding-window layer that a row may see.</summary>
    public long WindowCellsSeen => SharedCells ? WindowCells : WindowCells / Sequences;

    public required int BatchTokens { get; init; }

    public required int MicroBatchTokens { get; init; }

    /// <summary>Rows of a batch that may ask for logits: one of each sequence, or more where the caller asks.</summary>
    public required int MaxLogitsRows { get; init; }

    public required int Threads { get; init; }

    public required bool SharedCells { get; init; }

    public required LlamaFlashAttention FlashAttention { get; init; }

    /// <summary>
    /// Rows of a sequence from which on a CPU computes flash attention in tiles, and whose multiples fill them (ggml-cpu,
    /// <c>GGML_FA_TILE_Q</c>); 1 where there are no tiles, as for a quantized cache.
    /// </summary>
    public int HostTile => FlashAttention != LlamaFlashAttention.Off && MicroBatchTokens >= FlashTile && KeyType == ValueType
        && KeyType is GgmlType.F16 or GgmlType.F32 ? FlashTile : 1;

    public required GgmlType KeyType { get; init; }

    public required GgmlType ValueType { get; init; }

    /// <summary>Whether rows hand out their hidden states.</summary>
    public bool HiddenStates { get; init; }

    /// <summary>The sizes of a context on loaded weights.</summary>
    /// <exception cref="ModelLoadException">An option is out of range, or the context does not fit into memory.</exception>
    public static ContextPlan Create(LlamaModel model, LlamaCppOptions options)
    {
        var plan = Create(model.Footprint, options);
        var free = DeviceMemory.Now();
        var need = MemoryNeed.Of(model.Footprint, plan, options.GpuLayers, free.Gpus);

        // Free before the load, but no more than now beside the weights: another context may have come since.
        var hostFree = Math.Min(model.HostFreeBefore, free.HostFree > long.MaxValue - need.Host.AllWeights ? free.HostFree : free.HostFree + need.Host.AllWeights);
        need.Require(plan.ToString(), hostFree, free.GpuFree, loaded: true);
        return plan;
    }

    /// <summary>The sizes of a context, whatever memory there is.</summary>
    /// <exception cref="ModelLoadException">An option is out of range.</exception>
    public static ContextPlan Create(ModelFootprint model, LlamaCppOptions options)
    {
        RequireRange(nameof(options.Parallel), options.Parallel, 0, MaxSequences);
        RequireRange(nameof(options.BatchTokens), options.BatchTokens, 1, 1 << 20);
        RequireRange(nameof(options.MicroBatchTokens), options.MicroBatchTokens, 1, 1 << 20);
        RequireRange(nameof(options.LogitsRows), options.LogitsRows, 0, 1 << 16);
        RequireRange(nameof(options.DraftRows), options.DraftRows, 0, 1 << 16);
        RequireRange(nameof(options.Threads), options.Threads, 0, 512);
        var trained = model.TrainedContextLength;
        RequireRange(nameof(options.ContextLength), options.ContextLength, 0, trained, $" (the checkpoint was trained for {trained})");
        var keyType = KvCacheType.Parse(nameof(options.KeyCacheType), options.KeyCacheType);
        var valueType = KvCacheType.Parse(nameof(options.ValueCacheType), options.ValueCacheType);
        RequireBlocks(nameof(options.KeyCacheType), keyType, model.KeyRowElements);
        RequireBlocks(nameof(options.ValueCacheType), valueType, model.ValueRowElements);
        if (KvCacheType.IsQuantized(valueType) && options.FlashAttention == false)
            throw new ModelLoadException($"ValueCacheType '{options.ValueCacheType}' needs flash attention: switch it on, or use f16 values.");

        var sequences = options.Parallel == 0 ? DefaultSequences : options.Parallel;
        var context = PadUp(options.ContextLength == 0 ? Math.Min(trained, DefaultContextLength) : options.ContextLength);
        RequireRange(nameof(options.SharedCellCount), options.SharedCellCount, 0, int.MaxValue - Pad);
        var cells = options is { SharedCells: true, SharedCellCount: > 0 } ? PadUp(options.SharedCellCount) : context * sequences;
        if (cells > int.MaxValue)
            throw new ModelLoadException($"{What(context, sequences)} needs more cells than the library can address: lower the context length or the number of sequences.");
        if (options.SharedCells == true) context = Math.Min(context, cells);
        // A step takes a whole micro-batch of prompt beside one row of each running sequence.
        var batch = (int)Math.Min(Math.Max(options.BatchTokens, (long)options.MicroBatchTokens + sequences), cells);
        var microBatch = Math.Min(options.MicroBatchTokens, batch);
        return new()
        {
            ContextLength = (int)context,
            Sequences = sequences,
            TotalCells = cells,
            WindowCells = CountWindowCells(model.SlidingWindow, context, cells, sequences, options.SharedCells == true, microBatch),
            CellsSeen = options.SharedCells == true ? cells : context,
            BatchTokens = batch,
            MicroBatchTokens = microBatch,
            // The library asserts that it was promised a row of each sequence at least, and a batch cannot use more than its own.
            MaxLogitsRows = Math.Max(sequences, Math.Min(CountLogitsRows(options, sequences), batch)),
            Threads = options.Threads == 0 ? ProcessorTopology.DefaultThreads() : options.Threads,
            SharedCells = options.SharedCells == true,
            KeyType = keyType,
            ValueType = valueType,
            FlashAttention = options.FlashAttention switch { true => LlamaFlashAttention.On, false => LlamaFlashAttention.Off, null => LlamaFlashAttention.Auto },
        };
    }

    /// <summary>What messages call it.</summary>
    public override string ToString() => What(ContextLength, Sequences);

    /// <summary>Cells of the local layers, as llama-kv-cache-iswa computes them: the window plus a micro-batch, for each stream.</summary>
    private static long CountWindowCells(int window, long context, long cells, int sequences, bool shared, int microBatch) => shared
        ? PadUp(Math.Min(cells, (long)window * sequences + microBatch))
        : PadUp(Math.Min(context, (long)window + microBatch)) * sequences;

    private static int CountLogitsRows(LlamaCppOptions options, int sequences) =>
        Math.Max(options.LogitsRows, sequences + (int)Math.Min(options.MostDraftRows, (long)sequences * options.DraftRows));

    private static void RequireBlocks(string option, GgmlType type, int elements)
    {
        if (elements % type.BlockLength() != 0)
            throw new ModelLoadException($"{option} '{type}' does not divide this checkpoint's rows of {elements} elements: use f16.");
    }

    private static string What(long context, int sequences) => $"A context of {context} positions for {sequences} sequences";

    private static long PadUp(long value) => (value + Pad - 1) / Pad * Pad;

    private static void RequireRange(string option, long value, long least, long most, string why = "")
    {
        if (value < least || value > most) throw new ModelLoadException($"{option} {value} is out of range: it must be {least} to {most}{why}.");
    }
}
