using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Handles;

/// <summary>Owns a <c>llama_context</c>, which must be freed before its model: it holds a reference on the model's handle.</summary>
internal sealed class LlamaContextHandle : NativeHandle
{
    private LlamaModelHandle? _model;

    /// <summary>Keeps <paramref name="model"/> alive until this context is freed.</summary>
    public void KeepAlive(LlamaModelHandle model)
    {
        var added = false;
        model.DangerousAddRef(ref added);
        if (added) _model = model;
    }

    protected override void Free()
    {
        LlamaNative.llama_free(handle);
        _model?.DangerousRelease();
    }
}
