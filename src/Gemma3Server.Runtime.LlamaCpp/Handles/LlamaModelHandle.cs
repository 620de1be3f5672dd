using Gemma3Server.Runtime.LlamaCpp.Interop;
using Microsoft.Win32.SafeHandles;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Owns a <c>llama_model</c>.</summary>
internal sealed class LlamaModelHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        LlamaNative.llama_model_free(handle);
        return true;
    }
}
