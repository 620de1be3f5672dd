namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>
/// Steps of each size before the first request. A GPU backend loads its kernels and grows its pools when they are first used: the first
/// request would wait for that, and where another program has taken the memory meanwhile, the backend ends the process
/// (seen on an H200: 84 MiB come with the first steps, and with 10 MiB left the first of them is the last).
/// </summary>
internal static class GpuWarmUp
{
    /// <summary>The CUDA backend multiplies up to 8 columns by one kind of kernel, more by another whose tiles grow to 128.</summary>
    private static readonly int[] Rows = [1, 2, 4, 8, 16, 32, 64, 128];

    /// <summary>Runs the steps on sequence 0 and on all together, and leaves every sequence empty.</summary>
    /// <exception cref="ModelLoadException">A step failed.</exception>
    public static void Run(LlamaCppRuntime runtime)
    {
        var limits = runtime.Limits;
        var most = Math.Min(limits.MicroBatchTokens, limits.ContextLength);
        foreach (var rows in Rows.Where(rows => rows < most).Append(most)) Step(runtime, sequences: 1, rows, Math.Min(rows, limits.MaxLogitsRows));
        Step(runtime, Math.Min(limits.MaxSequences, limits.MaxBatchTokens), rows: 1, logits: 1);
    }

    /// <param name="runtime">The loaded model.</param>
    /// <param name="sequences">Sequences that take part.</param>
    /// <param name="rows">Rows of each.</param>
    /// <param name="logits">How many of these, the last ones, ask for logits.</param>
    private static void Step(LlamaCppRuntime runtime, int sequences, int rows, int logits)
    {
        var batch = new ForwardBatch();
        for (var sequence = 0; sequence < sequences; sequence++)
        {
            for (var position = 0; position < rows; position++)
                batch.Add(runtime.Tokenizer.BeginOfSequence, position, sequence, position >= rows - logits);
        }

        var status = runtime.Forward(batch);
        if (status != ForwardStatus.Ok)
        {
            var message = $"The first step on the GPU, of {batch.Count} tokens, failed ({status}): free memory on the device, or keep fewer layers on it (GPU layers).";
            throw new ModelLoadException(message) { IsForMemory = status is ForwardStatus.OutOfMemory or ForwardStatus.NoSpace };
        }

        for (var sequence = 0; sequence < sequences; sequence++) runtime.Release(sequence);
    }
}
