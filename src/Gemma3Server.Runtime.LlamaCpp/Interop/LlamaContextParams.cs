using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_context_params</c> of llama.cpp v0.5.0: 160 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct LlamaContextParams
{
    public uint ContextLength;
    public uint BatchTokens;
    public uint MicroBatchTokens;
    public uint MaxSequences;
    public uint RecurrentSnapshots;
    public uint MaxOutputs;
    public uint MaxOutputsPerSequence;
    public int Threads;
    public int BatchThreads;
    public int ContextType;
    public int RopeScalingType;
    public int PoolingType;
    public int AttentionType;
    public LlamaFlashAttention FlashAttention;
    public float RopeFrequencyBase;
    public float RopeFrequencyScale;
    public float YarnExtrapolationFactor;
    public float YarnAttentionFactor;
    public float YarnBetaFast;
    public float YarnBetaSlow;
    public uint YarnOriginalContext;
    public float DefragmentationThreshold;
    public nint EvaluationCallback;
    public nint EvaluationCallbackData;
    public GgmlType KeyType;
    public GgmlType ValueType;
    public delegate* unmanaged<void*, byte> AbortCallback;
    public void* AbortCallbackData;
    public bool Embeddings;
    public bool OffloadKqv;
    public bool NoPerformanceCounters;
    public bool OffloadOperations;
    public bool FullSlidingWindowCache;
    public bool UnifiedCells;
    public nint Samplers;
    public nuint SamplerCount;
    public nint OtherContext;
}
