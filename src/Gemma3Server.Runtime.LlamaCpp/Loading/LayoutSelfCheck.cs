using System.Reflection;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>
/// Proves at start-up that the loaded library has the version, the entry points and the structure layouts that the bindings were written
/// for. A library with another layout would not fail by itself: it would read one field as another.
/// </summary>
internal static unsafe class LayoutSelfCheck
{
    /// <summary>The pinned versions; they change together with the structures under Interop/ and the package lock.</summary>
    private const string LlamaVersion = "0.5.0-dev";
    private const string GgmlVersion = "0.25.1";
    private const string GgmlCommit = "0ad4a86";

    /// <exception cref="ModelLoadException">The library is another one.</exception>
    public static void Run()
    {
        CheckVersions();
        CheckEntryPoints();
        CheckParameterBytes();
        CheckDefaults();
        CheckBatch();
        CheckTypeSizes();
    }

    /// <summary>The index of the last byte that a function returning a structure through a hidden pointer writes.</summary>
    internal static int LastByteWritten(string function)
    {
        const int size = 1024;
        var address = (delegate* unmanaged<byte*, byte*>)NativeLibrary.GetExport(NativeLibraryLoader.HandleOf(LlamaNative.Library), function);
        var last = -1;
        var buffer = stackalloc byte[size];
        foreach (var filler in (ReadOnlySpan<byte>)[0xCD, 0x32]) // two, since a written byte may equal one of them
        {
            new Span<byte>(buffer, size).Fill(filler);
            address(buffer);
            last = Math.Max(last, new ReadOnlySpan<byte>(buffer, size).LastIndexOfAnyExcept(filler));
        }

        return last;
    }

    private static void CheckVersions()
    {
        Require(Utf8Text.Read(LlamaNative.llama_version()) == LlamaVersion, $"llama_version is {Utf8Text.Read(LlamaNative.llama_version())}, not {LlamaVersion}");
        Require(Utf8Text.Read(GgmlBaseNative.ggml_version()) == GgmlVersion, $"ggml_version is {Utf8Text.Read(GgmlBaseNative.ggml_version())}, not {GgmlVersion}");
        Require(Utf8Text.Read(GgmlBaseNative.ggml_commit()) == GgmlCommit, $"ggml_commit is {Utf8Text.Read(GgmlBaseNative.ggml_commit())}, not {GgmlCommit}");
    }

    private static void CheckEntryPoints()
    {
        (Type Bindings, string Library)[] all =
        [
            (typeof(LlamaNative), LlamaNative.Library), (typeof(LlamaSamplerNative), LlamaNative.Library),
            (typeof(GgmlNative), GgmlNative.Library), (typeof(GgmlBaseNative), GgmlBaseNative.Library),
        ];
        foreach (var (bindings, library) in all)
        {
            foreach (var method in bindings.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly))
                Require(NativeLibrary.TryGetExport(NativeLibraryLoader.HandleOf(library), method.Name, out _), $"{method.Name} is missing in {library}");
        }
    }

    private static void CheckParameterBytes()
    {
        // The hidden pointer is the first argument on x64 only; arm64 passes it in a register of its own.
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64) return;

        // Model parameters end with a bool and padding, context parameters with a pointer, quantize parameters with a size.
        Require(LastByteWritten("llama_model_default_params") == 77, "llama_model_params has another size");
        Require(LastByteWritten("llama_context_default_params") == 159, "llama_context_params has another size");
        Require(LastByteWritten("llama_model_quantize_default_params") == 63, "llama_model_quantize_params has another size");
    }

    private static void CheckDefaults()
    {
        var context = LlamaNative.llama_context_default_params();
        Require(
            context is { BatchTokens: 2048, MicroBatchTokens: 512, ContextLength: 512, MaxSequences: 1, KeyType: GgmlType.F16, ValueType: GgmlType.F16 }
                && context is { FlashAttention: LlamaFlashAttention.Auto, OtherContext: 0, Samplers: 0, SamplerCount: 0 }
                && context is { Embeddings: false, OffloadKqv: true, NoPerformanceCounters: true, OffloadOperations: true, FullSlidingWindowCache: true, UnifiedCells: false },
            "llama_context_params has other fields or defaults");
        var model = LlamaNative.llama_model_default_params();
        Require(model is { VocabularyOnly: false, CheckTensors: false, UseExtraBufferTypes: true, NoAllocation: false }, "llama_model_params has other fields or defaults");
        var quantize = LlamaNative.llama_model_quantize_default_params();
        Require(
            quantize is { Threads: 0, FileType: LlamaFileType.MostlyQ8, AllowRequantize: false, QuantizeOutput: true, OnlyCopy: false, Pure: false }
                && quantize is { OutputType: LlamaQuantizeParams.NoType, EmbeddingType: LlamaQuantizeParams.NoType, ImportanceMatrix: 0, PrunedLayers: 0 },
            "llama_model_quantize_params has other fields or defaults");
    }

    private static void CheckBatch()
    {
        var tokens = LlamaNative.llama_batch_init(8, 0, 1);
        Require(tokens is { Count: 0 } && tokens.Tokens != null && tokens.Embeddings == null && tokens.Sequences[8] == null, "llama_batch has another layout");
        LlamaNative.llama_batch_free(tokens);
        var embeddings = LlamaNative.llama_batch_init(8, 16, 1);
        Require(embeddings.Tokens == null && embeddings.Embeddings != null, "llama_batch has another layout");
        LlamaNative.llama_batch_free(embeddings);
    }

    private static void CheckTypeSizes() =>
        Require(GgmlBaseNative.ggml_type_size(GgmlType.Q4_0) == 18 && GgmlBaseNative.ggml_type_size(GgmlType.Q8_0) == 34, "the quantized types have other sizes");

    private static void Require(bool condition, string what)
    {
        if (!condition)
            throw new ModelLoadException($"The llama.cpp library does not fit these bindings ({what}): rebuild to restore the pinned library, or correct the library directory.");
    }
}
