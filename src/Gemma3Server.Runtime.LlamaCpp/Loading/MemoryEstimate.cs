namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>What a context takes of the host's memory and of the GPUs', by what it is for. Bytes.</summary>
internal sealed record MemoryEstimate
{
    /// <summary>Weights of the layers that stay on the host: mapped ones must stay in the page cache, or each step reads them from disk.</summary>
    public required long HostWeights { get; init; }

    public required long HostKv { get; init; }

    public required long HostCompute { get; init; }

    /// <summary>The rows of logits that the library hands out: always on the host.</summary>
    public required long Logits { get; init; }

    public required long DeviceKv { get; init; }

    public required long DeviceCompute { get; init; }

    public long Host => HostWeights + HostKv + HostCompute + Logits;

    /// <summary>Without weights: they are on the GPU already when this is asked.</summary>
    public long Device => DeviceKv + DeviceCompute;

    /// <summary>Splits what is needed by layers, as the library does: it moves the last layers first, and counts the output as one more.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="gpuLayers">How many go to a GPU; -1 = all; 0 where there is none.</param>
    /// <param name="weights">Bytes of all weights.</param>
    /// <param name="kv">Bytes of all KV caches.</param>
    /// <param name="compute">Bytes of the compute buffer.</param>
    /// <param name="logits">Bytes of the logits that are handed out.</param>
    public static MemoryEstimate Create(int layers, int gpuLayers, long weights, long kv, long compute, long logits)
    {
        var offloaded = gpuLayers < 0 ? layers : Math.Clamp(gpuLayers - 1, 0, layers);
        return new()
        {
            HostWeights = offloaded < layers ? weights - weights / layers * offloaded : 0,
            HostKv = offloaded < layers ? kv - kv / layers * offloaded : 0,
            DeviceKv = offloaded < layers ? kv / layers * offloaded : kv,
            HostCompute = offloaded < layers ? compute : 0,
            DeviceCompute = gpuLayers != 0 ? compute : 0,
            Logits = logits,
        };
    }

    /// <summary>The compute buffer's largest tensors: activations of a micro batch, its attention mask and its logits.</summary>
    /// <param name="microBatch">Rows computed at once.</param>
    /// <param name="embedding">Width of a row.</param>
    /// <param name="feedForward">Width of a row in the feed-forward network.</param>
    /// <param name="heads">Heads of attention, where their scores are kept (no flash attention); otherwise 0.</param>
    /// <param name="cells">Cells that a row attends to.</param>
    /// <param name="logits">Bytes of the logits.</param>
    public static long ComputeBytes(int microBatch, int embedding, int feedForward, int heads, long cells, long logits) =>
        microBatch * (sizeof(float) * (4L * embedding + 3L * feedForward) + cells * sizeof(float) * (1 + heads)) + logits;

    /// <exception cref="ModelLoadException">One of the two does not fit; the message names the parts.</exception>
    public void Require(string what, long hostFree, long deviceFree)
    {
        if (Host > hostFree)
        {
            throw new ModelLoadException(
                $"{what} needs {Mebibytes(Host)} MiB of host memory (weights {Mebibytes(HostWeights)}, KV {Mebibytes(HostKv)}, compute {Mebibytes(HostCompute)}, logits {Mebibytes(Logits)}) but {Mebibytes(hostFree)} MiB are free: lower the context length or the number of sequences, or choose a smaller checkpoint.");
        }

        if (Device > deviceFree)
        {
            throw new ModelLoadException(
                $"{what} needs {Mebibytes(Device)} MiB of GPU memory beside the weights (KV {Mebibytes(DeviceKv)}, compute {Mebibytes(DeviceCompute)}) but {Mebibytes(deviceFree)} MiB are free: lower the context length, the number of sequences or the GPU layers.");
        }
    }

    private static long Mebibytes(long bytes) => bytes >> 20;
}
