using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp.Planning;

/// <summary>What a model and its context take of the host's memory and of the GPUs'.</summary>
/// <param name="Host">Of the host; mapped weights must stay in the page cache, or each step reads them from disk.</param>
/// <param name="Gpu">Of all GPUs together.</param>
public sealed record MemoryNeed(MemoryParts Host, MemoryParts Gpu)
{
    /// <summary>
    /// The process's CUDA context on one GPU: what an H200 had in use beyond weights, KV and compute buffer after a load (518 to 524 MiB with
    /// 4B, 12B and 27B; README), and before one as well. GeForce cards take less.
    /// </summary>
    public const long GpuContext = 522L << 20;

    /// <summary>What a model's first steps take on a GPU: kernels and the pools that these compute in (84 to 88 MiB on an H200).</summary>
    internal const long FirstSteps = 84L << 20;

    /// <summary>What is beyond weights, KV and compute buffer on one GPU.</summary>
    internal const long GpuOverhead = GpuContext + FirstSteps;

    /// <summary>The library's tables of a token: text, score and the index of both (measured, 262,144 tokens: 38 to 40 MiB).</summary>
    private const int VocabularyEntryBytes = 156;

    /// <summary>Graphs, backends and what else a model takes by itself on the host.</summary>
    private const long HostOverhead = 4L << 20;

    /// <summary>Splits what is needed by layers, as the library does: it moves the last layers first, and counts the output as one more.</summary>
    internal static MemoryNeed Of(ModelFootprint model, ContextPlan plan, int gpuLayers, int gpus)
    {
        var layers = model.LayerCount;
        var offloaded = OffloadedLayers(layers, gpuLayers, gpus);
        var first = layers - offloaded;
        var hasGpu = gpus > 0 && gpuLayers != 0;
        var globalKv = model.KvRowBytes(plan) * plan.TotalCells;
        var windowKv = model.KvRowBytes(plan) * plan.WindowCells;
        var (global, globalOnGpu) = (model.CountGlobal(0), model.CountGlobal(first));
        var gpuWeights = model.LayerBytes / layers * offloaded + (hasGpu ? model.OutputBytes + model.OtherBytes : 0);
        return new(
            new()
            {
                Weights = model.LayerBytes + model.OutputBytes + model.OtherBytes - gpuWeights,
                TokenEmbeddings = model.TokenEmbeddingBytes,
                GlobalKv = globalKv * (global - globalOnGpu),
                WindowKv = windowKv * (layers - global - (offloaded - globalOnGpu)),
                Compute = hasGpu ? ComputeBuffers.OfInputs(model, plan) : ComputeBuffers.OfLayers(model, plan) + ComputeBuffers.OfProcessor(model, plan),
                Logits = (long)plan.MaxLogitsRows * model.VocabularySize * sizeof(float),
                Projector = hasGpu ? 0 : model.ProjectorBytes,
                Overhead = HostOverhead + (long)VocabularyEntryBytes * model.VocabularySize,
            },
            !hasGpu ? new() : new()
            {
                Weights = gpuWeights,
                TokenEmbeddings = model.OutputBytes > 0 ? 0 : model.TokenEmbeddingBytes,
                GlobalKv = globalKv * globalOnGpu,
                WindowKv = windowKv * (offloaded - globalOnGpu),
                Compute = ComputeBuffers.OfGpu(model, plan, first) * gpus,
                Projector = model.ProjectorBytes,
                Overhead = GpuOverhead * gpus,
            });
    }

    /// <summary>Of the GPUs', without the context that the process has anyway.</summary>
    public long GpuOfModel => Gpu.Total - Gpu.Overhead / GpuOverhead * GpuContext;

    /// <summary>Checks that it fits.</summary>
    /// <param name="what">What needs it; the beginning of the message.</param>
    /// <param name="hostFree">Free bytes of the host, without what the weights take there.</param>
    /// <param name="gpuFree">Free bytes of the GPUs.</param>
    /// <param name="loaded">Whether the weights are on the GPU already, and what goes with them.</param>
    /// <exception cref="ModelLoadException">One of the two does not fit; the message names the parts.</exception>
    internal void Require(string what, long hostFree, long gpuFree, bool loaded)
    {
        if (FindShortage(what, hostFree, gpuFree, loaded) is { } shortage) throw new ModelLoadException(shortage) { IsForMemory = true };
    }

    /// <summary>One line that says what does not fit; null when all does.</summary>
    internal string? FindShortage(string what, long hostFree, long gpuFree, bool loaded)
    {
        if (Host.Total > hostFree)
        {
            return $"{what} needs {Mebibytes(Host.Total)} MiB of host memory (weights {Mebibytes(Host.AllWeights)}, KV {Mebibytes(Host.Kv)}, compute {Mebibytes(Host.Compute)}, logits {Mebibytes(Host.Logits)}, other {Mebibytes(Host.Projector + Host.Overhead)}) "
                + $"but {Mebibytes(hostFree)} MiB are free: lower the context length or the number of sequences, or choose a smaller checkpoint.";
        }

        // Beyond what the library reserves, which would end the process where the first steps do not find it.
        var beside = Gpu.Kv + Gpu.Compute + (Gpu.Overhead > 0 ? FirstSteps : 0);
        if (loaded && beside > gpuFree)
        {
            return $"{what} needs {Mebibytes(beside)} MiB of GPU memory beside the weights (KV {Mebibytes(Gpu.Kv)}, compute {Mebibytes(Gpu.Compute)}) "
                + $"but {Mebibytes(gpuFree)} MiB are free: lower the context length, the number of sequences or the GPU layers.";
        }

        if (!loaded && Gpu.Total > gpuFree)
        {
            return $"{what} needs {Mebibytes(Gpu.Total)} MiB of GPU memory (weights {Mebibytes(Gpu.AllWeights)}, KV {Mebibytes(Gpu.Kv)}, compute {Mebibytes(Gpu.Compute)}, other {Mebibytes(Gpu.Projector + Gpu.Overhead)}) "
                + $"but {Mebibytes(gpuFree)} MiB are free: lower the context length, the number of sequences or the GPU layers.";
        }

        return null;
    }

    /// <summary>Layers of the model on a GPU: the library counts the output as the first one that goes there.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="gpuLayers">How many go to a GPU; -1 = all.</param>
    /// <param name="gpus">Number of GPUs.</param>
    internal static int OffloadedLayers(int layers, int gpuLayers, int gpus) =>
        gpus == 0 ? 0 : gpuLayers < 0 ? layers : Math.Clamp(gpuLayers - 1, 0, layers);

    private static long Mebibytes(long bytes) => bytes >> 20;
}
