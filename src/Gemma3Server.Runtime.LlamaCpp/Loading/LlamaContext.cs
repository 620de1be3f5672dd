using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>One native context: compute buffers and KV memory of one model.</summary>
internal sealed unsafe class LlamaContext : IDisposable
{
    /// <summary><c>LLAMA_POOLING_TYPE_NONE</c>.</summary>
    private const int NoPooling = 0;

    private LlamaContext(LlamaContextHandle handle, ContextPlan plan)
    {
        Handle = handle;
        Pointer = handle.DangerousGetHandle();
        Memory = LlamaNative.llama_get_memory(Pointer);
        Plan = plan;
    }

    public LlamaContextHandle Handle { get; }

    /// <summary>The native context. Its users own this object, so it outlives their calls.</summary>
    public nint Pointer { get; }

    /// <summary>The native KV memory.</summary>
    public nint Memory { get; }

    public ContextPlan Plan { get; }

    /// <summary>Creates a context of the planned sizes; <paramref name="abortCallback"/> may be null.</summary>
    /// <exception cref="ModelLoadException">The library could not allocate it, or made one of other sizes.</exception>
    public static LlamaContext Create(LlamaModel model, ContextPlan plan, delegate* unmanaged<void*, byte> abortCallback = null, void* abortData = null)
    {
        var parameters = Translate(plan);
        parameters.AbortCallback = abortCallback;
        parameters.AbortCallbackData = abortData;

        NativeLog.BeginCapture();
        var handle = LlamaNative.llama_init_from_model(model.Handle, parameters);
        var errors = NativeLog.EndCapture();
        if (handle.IsInvalid)
            throw new ModelLoadException($"No context of {plan.TotalCells} cells could be made for '{model.Info.Path}' ({CheckpointFile.Last(errors)}): lower the context length, the number of sequences or the GPU layers.") { IsForMemory = true };

        handle.KeepAlive(model.Handle);
        var context = new LlamaContext(handle, plan);
        var expected = plan.SharedCells ? plan.TotalCells : plan.ContextLength;
        var pointer = context.Pointer;
        if (LlamaNative.llama_n_ctx(pointer) == plan.TotalCells && LlamaNative.llama_n_ctx_seq(pointer) == expected && LlamaNative.llama_n_batch(pointer) == plan.BatchTokens
            && LlamaNative.llama_n_ubatch(pointer) == plan.MicroBatchTokens && LlamaNative.llama_n_seq_max(pointer) == plan.Sequences)
        {
            return context;
        }

        context.Dispose();
        throw new ModelLoadException("The llama.cpp library made a context of other sizes than asked for: rebuild to restore the pinned library.");
    }

    public void Dispose() => Handle.Dispose();

    /// <summary>The library's parameters for the planned sizes.</summary>
    internal static LlamaContextParams Translate(ContextPlan plan)
    {
        var parameters = LlamaNative.llama_context_default_params();
        parameters.ContextLength = (uint)plan.TotalCells;
        parameters.BatchTokens = (uint)plan.BatchTokens;
        parameters.MicroBatchTokens = (uint)plan.MicroBatchTokens;
        parameters.MaxSequences = (uint)plan.Sequences;
        // By default the library reserves logits for every row of a micro batch: 512 MiB of which one row a sequence is used.
        parameters.MaxOutputs = (uint)plan.MaxLogitsRows;
        parameters.Threads = parameters.BatchThreads = plan.Threads;
        parameters.FlashAttention = plan.FlashAttention;
        parameters.KeyType = plan.KeyType;
        parameters.ValueType = plan.ValueType;
        parameters.UnifiedCells = plan.SharedCells;
        parameters.FullSlidingWindowCache = false;
        parameters.Embeddings = plan.HiddenStates;
        if (plan.HiddenStates) parameters.PoolingType = NoPooling; // the library would pool a micro batch, not a text
        return parameters;
    }
}
