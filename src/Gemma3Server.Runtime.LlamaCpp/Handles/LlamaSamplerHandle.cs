using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Owns a <c>llama_sampler</c> chain and the samplers in it.</summary>
internal sealed class LlamaSamplerHandle : NativeHandle
{
    protected override void Free() => LlamaSamplerNative.llama_sampler_free(handle);
}
