using Gemma3Server.Runtime.LlamaCpp.Planning;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>How llama.cpp loads and runs a checkpoint.</summary>
public sealed record LlamaCppOptions
{
    /// <summary>Path of the GGUF file (the first one of a split checkpoint).</summary>
    public required string ModelPath { get; init; }

    /// <summary>
    /// Path of a smaller checkpoint that is to be loaded after this one, with as many sequences of the same length: what the options leave open
    /// leaves room for it.
    /// </summary>
    public string? DraftPath { get; init; }

    /// <summary>
    /// Layers kept on the GPU, the output counted as one more; -1 = all, or as many as fit (<see cref="Planning.MemoryPlanner"/>); 0 = the GPU is
    /// left alone. Without a GPU backend it has no effect.
    /// </summary>
    public int GpuLayers { get; init; } = -1;

    /// <summary>
    /// Positions of one sequence, prompt plus completion; 0 = as many as fit, at most the trained context length and 32,768 where all layers are
    /// on a GPU, 8192 otherwise (<see cref="Planning.MemoryPlanner"/>).
    /// </summary>
    public int ContextLength { get; init; }

    /// <summary>Sequences that run at the same time, 1 to 256; 0 = as many as fit, at most 4 (<see cref="Planning.MemoryPlanner"/>).</summary>
    public int Parallel { get; init; }

    /// <summary>
    /// Rows of one decode call; also the bound of <see cref="RuntimeLimits.MaxBatchTokens"/>. Raised to <see cref="MicroBatchTokens"/> plus
    /// <see cref="Parallel"/> where it is less, so that a step takes a whole micro-batch of prompt beside the rows that decode.
    /// </summary>
    public int BatchTokens { get; init; } = 2048;

    /// <summary>Rows computed at once.</summary>
    public int MicroBatchTokens { get; init; } = 512;

    /// <summary>
    /// Rows of a decode call that may ask for logits, raised to <see cref="Parallel"/>; 0 = that many, which generation needs: one row of each
    /// sequence. Each row reserves the vocabulary twice (1 MiB for Gemma 3, beside as much in the compute buffer). Scoring text wants a
    /// micro-batch of them.
    /// </summary>
    public int LogitsRows { get; init; }

    /// <summary>
    /// Rows of guesses of each sequence that may ask for logits beside its own, all together at most <see cref="MostDraftRows"/>; they raise
    /// <see cref="LogitsRows"/>.
    /// </summary>
    public int DraftRows { get; init; }

    /// <summary>Most rows of guesses of all sequences.</summary>
    public int MostDraftRows { get; init; } = int.MaxValue;

    /// <summary>Compute threads; 0 = physical cores, less one where four or fewer, since spinning workers collapse when they share a core.</summary>
    public int Threads { get; init; }

    /// <summary>Flash attention: on, off, or <see langword="null"/> = the library's choice (on where supported).</summary>
    public bool? FlashAttention { get; init; }

    /// <summary>Element type of cached keys: <c>f16</c>, <c>bf16</c>, <c>f32</c>, <c>q8_0</c>, <c>q4_0</c>.</summary>
    public string KeyCacheType { get; init; } = "f16";

    /// <summary>Element type of cached values; a quantized one needs flash attention.</summary>
    public string ValueCacheType { get; init; } = "f16";

    /// <summary>
    /// Bytes of the host's memory that caches may take while the model runs, those of other models too: what the options leave open leaves room
    /// for them. The bound itself is the engine's, which tells it with <see cref="LlamaCppRuntime.LimitSnapshots"/>. What the caches of models loaded
    /// before have taken of it is not known here: it is missing from what is free and reserved once more, which errs on the safe side.
    /// </summary>
    public long HostCacheBytes { get; init; }

    /// <summary>Whether the file is memory-mapped instead of read.</summary>
    public bool MemoryMap { get; init; } = true;

    /// <summary>Whether weights are locked in RAM.</summary>
    public bool MemoryLock { get; init; }

    /// <summary>
    /// Whether all sequences share one pool of KV cells; <see langword="null"/> = where all layers are on a GPU, or a pool's size is given.
    /// </summary>
    /// <remarks>
    /// <para>With own cells a sequence's logits do not depend, to the bit, on what else is in the batch (measured on llama.cpp v0.5.0), and no row
    /// looks through the cells of others, idle ones included; but sequences of unlike row counts, and ids that do not stand together, are computed in passes of their
    /// own, each of which reads all weights and, when its shape is new, builds its graph.</para>
    /// <para>Measured on two CPU cores, 270M: own cells take 0.64 of the processor time of shared ones for turns on a long system text, 0.86 for a burst on
    /// one, 0.99 for eight streams of 1,000 tokens, but 1.22 for sixteen short streams; and 64 prompt rows beside two streams 85 ms instead of 250. On an H100,
    /// 4B: own cells have 0.37 of the throughput of shared ones for users who come and go, 0.65 of the goodput of Poisson arrivals, twice the time to the first
    /// token of later turns, the same for bursts and long prompts, and 1.04 of the rate of sixteen steady streams.</para>
    /// </remarks>
    public bool? SharedCells { get; init; }

    /// <summary>
    /// Cells of the shared pool, which is used if this is given and <see cref="SharedCells"/> is left open; without meaning where that is off.
    /// 0 = <see cref="ContextLength"/> times <see cref="Parallel"/>.
    /// </summary>
    public int SharedCellCount { get; init; }

    /// <summary>
    /// Folder of the native library; <see langword="null"/> = the variant deployed beside the program. A process loads one library only.
    /// </summary>
    public string? LibraryDirectory { get; init; }

    /// <summary>What memory may be used; <see langword="null"/> = all that is free when the load begins.</summary>
    public DeviceMemory? Free { get; init; }

    /// <summary>Told the share of the weights that has been read, 0 to 1, on the loading thread.</summary>
    public Action<double>? OnProgress { get; init; }
}
