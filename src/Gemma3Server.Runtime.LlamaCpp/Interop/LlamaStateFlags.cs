namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>LLAMA_STATE_SEQ_FLAGS_*</c>. ON_DEVICE (2) is left out on purpose: it is wrong for quantized KV and can end the process.</summary>
internal enum LlamaStateFlags : uint
{
    None = 0,
    SlidingWindowOnly = 1,
}
