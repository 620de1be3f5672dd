using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

/// <summary>Sizes and offsets as a C compiler lays them out for llama.cpp v0.5.0. They change together with the version pin.</summary>
public sealed unsafe class InteropLayoutTests
{
    public InteropLayoutTests() => NativeLibraryLoader.Load(null, NullLoggerFactory.Instance);

    [Fact]
    public void Structures_Sizes_EqualTheHeaders()
    {
        Assert.Equal(80, sizeof(LlamaModelParams));
        Assert.Equal(160, sizeof(LlamaContextParams));
        Assert.Equal(56, sizeof(LlamaBatch));
        Assert.Equal(64, sizeof(LlamaQuantizeParams));
        Assert.Equal(12, sizeof(LlamaTokenData));
        Assert.Equal(32, sizeof(LlamaTokenDataArray));
    }

    [Theory]
    [InlineData(nameof(LlamaModelParams.GpuLayers), 16)]
    [InlineData(nameof(LlamaModelParams.LoadMode), 24)]
    [InlineData(nameof(LlamaModelParams.TensorSplit), 40)]
    [InlineData(nameof(LlamaModelParams.VocabularyOnly), 72)]
    [InlineData(nameof(LlamaModelParams.LoadMultiTokenPrediction), 77)]
    public void ModelParams_Offset_EqualsTheHeader(string field, int offset) => Assert.Equal(offset, OffsetOf<LlamaModelParams>(field));

    [Theory]
    [InlineData(nameof(LlamaContextParams.MaxSequences), 12)]
    [InlineData(nameof(LlamaContextParams.Threads), 28)]
    [InlineData(nameof(LlamaContextParams.FlashAttention), 52)]
    [InlineData(nameof(LlamaContextParams.KeyType), 104)]
    [InlineData(nameof(LlamaContextParams.ValueType), 108)]
    [InlineData(nameof(LlamaContextParams.AbortCallback), 112)]
    [InlineData(nameof(LlamaContextParams.Embeddings), 128)]
    [InlineData(nameof(LlamaContextParams.UnifiedCells), 133)]
    [InlineData(nameof(LlamaContextParams.Samplers), 136)]
    [InlineData(nameof(LlamaContextParams.OtherContext), 152)]
    public void ContextParams_Offset_EqualsTheHeader(string field, int offset) => Assert.Equal(offset, OffsetOf<LlamaContextParams>(field));

    [Theory]
    [InlineData(nameof(LlamaQuantizeParams.FileType), 4)]
    [InlineData(nameof(LlamaQuantizeParams.OutputType), 8)]
    [InlineData(nameof(LlamaQuantizeParams.EmbeddingType), 12)]
    [InlineData(nameof(LlamaQuantizeParams.AllowRequantize), 16)]
    [InlineData(nameof(LlamaQuantizeParams.DryRun), 21)]
    [InlineData(nameof(LlamaQuantizeParams.ImportanceMatrix), 24)]
    [InlineData(nameof(LlamaQuantizeParams.MaxBufferBytes), 56)]
    public void QuantizeParams_Offset_EqualsTheHeader(string field, int offset) => Assert.Equal(offset, OffsetOf<LlamaQuantizeParams>(field));

    [Theory]
    [InlineData(nameof(LlamaBatch.Tokens), 8)]
    [InlineData(nameof(LlamaBatch.Embeddings), 16)]
    [InlineData(nameof(LlamaBatch.Positions), 24)]
    [InlineData(nameof(LlamaBatch.SequenceCounts), 32)]
    [InlineData(nameof(LlamaBatch.Sequences), 40)]
    [InlineData(nameof(LlamaBatch.WantLogits), 48)]
    public void Batch_Offset_EqualsTheHeader(string field, int offset) => Assert.Equal(offset, OffsetOf<LlamaBatch>(field));

    [Theory]
    [InlineData(nameof(LlamaTokenDataArray.Size), 8)]
    [InlineData(nameof(LlamaTokenDataArray.Selected), 16)]
    [InlineData(nameof(LlamaTokenDataArray.Sorted), 24)]
    public void TokenDataArray_Offset_EqualsTheHeader(string field, int offset) => Assert.Equal(offset, OffsetOf<LlamaTokenDataArray>(field));

    [Theory]
    [InlineData("llama_model_default_params", 77)]
    [InlineData("llama_context_default_params", 159)]
    [InlineData("llama_model_quantize_default_params", 63)]
    public void DefaultParams_LastByteWritten_IsTheLastOfTheStructure(string function, int last)
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "The hidden pointer is the first argument on x64 only.");
        Assert.Equal(last, LayoutSelfCheck.LastByteWritten(function));
    }

    [Fact]
    public void DefaultParams_Values_AreThoseThatTheRuntimeOverwrites()
    {
        var context = LlamaNative.llama_context_default_params();
        Assert.Equal((512u, 2048u, 512u, 1u, 4), (context.ContextLength, context.BatchTokens, context.MicroBatchTokens, context.MaxSequences, context.Threads));
        Assert.Equal((GgmlType.F16, GgmlType.F16, LlamaFlashAttention.Auto), (context.KeyType, context.ValueType, context.FlashAttention));
        Assert.True(context.FullSlidingWindowCache);
        Assert.False(context.UnifiedCells);
    }

    [Fact]
    public void SelfCheck_PinnedLibrary_Passes() => LayoutSelfCheck.Run();

    /// <summary>Every field is assigned alone, as raw bytes, so that the offset is the real one and not the marshaller's.</summary>
    private static int OffsetOf<T>(string field) where T : unmanaged
    {
        var boxed = RuntimeHelpers.GetUninitializedObject(typeof(T));
        var info = typeof(T).GetField(field)!;
        var type = info.FieldType;
        if (type.IsPointer || type.IsFunctionPointer || type.IsUnmanagedFunctionPointer) return (int)Marshal.OffsetOf<T>(field);
        info.SetValue(boxed, type.IsEnum ? Enum.ToObject(type, 0x7F) : type == typeof(bool) ? true : type == typeof(nint) ? (nint)0x7F : type == typeof(nuint) ? (nuint)0x7F : Convert.ChangeType(0x7F, type, null));
        var value = (T)boxed;
        return new ReadOnlySpan<byte>(&value, sizeof(T)).IndexOfAnyExcept((byte)0);
    }
}
