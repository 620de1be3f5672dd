using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_model_quantize_params</c> of llama.cpp v0.5.0: 64 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LlamaQuantizeParams
{
    /// <summary><c>GGML_TYPE_COUNT</c>: the library chooses.</summary>
    public const GgmlType NoType = (GgmlType)43;

    public int Threads;
    public LlamaFileType FileType;
    public GgmlType OutputType;
    public GgmlType EmbeddingType;
    public bool AllowRequantize;
    public bool QuantizeOutput;
    public bool OnlyCopy;
    public bool Pure;
    public bool KeepSplit;
    public bool DryRun;
    public nint ImportanceMatrix;
    public nint MetadataOverrides;
    public nint TensorTypeOverrides;
    public nint PrunedLayers;
    public nuint MaxBufferBytes;
}
