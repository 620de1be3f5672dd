using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Owns a <c>llama_model</c>.</summary>
internal sealed class LlamaModelHandle : NativeHandle
{
    protected override void Free() => LlamaNative.llama_model_free(handle);
}
