using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class LoadAdviceTests
{
    [Fact]
    public void Advice_DeviceIsFull_IsAboutMemoryAndNotTheFile() =>
        Assert.Contains("GPU layers", LlamaModel.Advice(["alloc_tensor_range: failed to allocate CUDA0 buffer of size 7124266368"]), StringComparison.Ordinal);

    [Fact]
    public void Advice_OtherFailure_IsAboutTheFile() =>
        Assert.Contains("download it again", LlamaModel.Advice(["llama_model_load: error loading model: tensor is out of bounds"]), StringComparison.Ordinal);
}
