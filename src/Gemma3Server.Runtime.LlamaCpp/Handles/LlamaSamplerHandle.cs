using Gemma3Server.Runtime.LlamaCpp.Interop;
using Microsoft.Win32.SafeHandles;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Owns a <c>llama_sampler</c> chain and the samplers in it.</summary>
internal sealed class LlamaSamplerHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
{
    protected override bool ReleaseHandle()
    {
        LlamaSamplerNative.llama_sampler_free(handle);
        return true;
    }
}
