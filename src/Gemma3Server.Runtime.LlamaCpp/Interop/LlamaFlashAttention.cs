namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary><c>llama_flash_attn_type</c>.</summary>
internal enum LlamaFlashAttention
{
    Auto = -1,
    Off = 0,
    On = 1,
}
