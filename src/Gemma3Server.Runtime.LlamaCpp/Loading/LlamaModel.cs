using System.Globalization;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Planning;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>Loaded weights with what the checkpoint tells about itself.</summary>
/// <remarks>Immutable after loading; contexts and the tokenizer hold references of their own on <see cref="Handle"/>.</remarks>
internal sealed unsafe class LlamaModel : IDisposable
{
    private LlamaModel(LlamaModelHandle handle, string path, ModelFootprint footprint, long hostFreeBefore)
    {
        Footprint = footprint;
        HostFreeBefore = hostFreeBefore;
        Handle = handle;
        Vocabulary = LlamaNative.llama_model_get_vocab(handle);
        var name = Metadata("general.name");
        Info = new ModelInfo
        {
            Name = name.Length > 0 ? name : Path.GetFileNameWithoutExtension(path),
            Architecture = Metadata("general.architecture"),
            Path = path,
            Description = Describe(),
            ParameterCount = (long)LlamaNative.llama_model_n_params(handle),
            WeightBytes = (long)LlamaNative.llama_model_size(handle),
            VocabularySize = LlamaNative.llama_vocab_n_tokens(Vocabulary),
            TrainedContextLength = LlamaNative.llama_model_n_ctx_train(handle),
            EmbeddingLength = LlamaNative.llama_model_n_embd(handle),
            LayerCount = LlamaNative.llama_model_n_layer(handle),
            SlidingWindow = LlamaNative.llama_model_n_swa(handle),
            ChatTemplate = LlamaNative.llama_model_chat_template(handle, null) is var template && template != null ? Utf8Text.Read(template) : null,
        };
    }

    public LlamaModelHandle Handle { get; }

    /// <summary>The model's <c>llama_vocab</c>, valid as long as <see cref="Handle"/> is.</summary>
    public nint Vocabulary { get; }

    public ModelInfo Info { get; }

    /// <summary>
    /// Memory of the host that was free before the weights came: what is free afterwards counts mapped weights as free, and repacked ones not.
    /// </summary>
    public long HostFreeBefore { get; }

    /// <summary>What of it decides how much memory it takes.</summary>
    public ModelFootprint Footprint { get; }

    /// <summary>Loads the library if needed, checks the file and loads it.</summary>
    /// <exception cref="ModelLoadException">With one line that names the file and says what to do.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static LlamaModel Load(LlamaCppOptions options, ILoggerFactory loggers, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        NativeLibraryLoader.Load(options.LibraryDirectory, loggers);
        return Load(options, CheckpointFile.Check(Path.GetFullPath(options.ModelPath)), loggers, cancellationToken);
    }

    /// <summary>Loads a file that is checked already; the library is loaded.</summary>
    /// <exception cref="ModelLoadException">With one line that names the file and says what to do.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static LlamaModel Load(LlamaCppOptions options, ModelFootprint footprint, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var path = Path.GetFullPath(options.ModelPath);

        var parameters = LlamaNative.llama_model_default_params();
        parameters.GpuLayers = options.GpuLayers;
        nint none = 0;

        // Without a layer on it the library would still take a context and a compute buffer on each GPU, for prompts.
        if (options.GpuLayers == 0) parameters.Devices = (nint)(&none);
        parameters.LoadMode = (options.MemoryMap, options.MemoryLock) switch
        {
            (true, true) => LlamaLoadMode.MemoryMapAndLock,
            (true, false) => LlamaLoadMode.MemoryMap,
            (false, true) => LlamaLoadMode.MemoryLock,
            _ => LlamaLoadMode.None,
        };

        using var progress = new LoadProgress(path, loggers.CreateLogger<LlamaModel>(), options.OnProgress, cancellationToken);
        progress.Attach(ref parameters);
        var hostFree = HostMemory.Available();
        NativeLog.BeginCapture();
        var handle = LlamaNative.llama_model_load_from_file(path, parameters);
        var errors = NativeLog.EndCapture();
        if (handle.IsInvalid) cancellationToken.ThrowIfCancellationRequested();
        if (handle.IsInvalid) throw new ModelLoadException($"Model file '{path}' cannot be loaded ({CheckpointFile.Last(errors)}): {Advice(errors)}.") { IsForMemory = IsForMemory(errors) };
        try
        {
            return new(handle, path, footprint, hostFree);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public void Dispose() => Handle.Dispose();

    private string Metadata(string key)
    {
        Span<byte> buffer = stackalloc byte[512];
        fixed (byte* pointer = buffer)
            return Utf8Text.Read(buffer, LlamaNative.llama_model_meta_val_str(Handle, key, pointer, (nuint)buffer.Length));
    }

    private string Describe()
    {
        Span<byte> buffer = stackalloc byte[256];
        fixed (byte* pointer = buffer)
        {
            // The library knows published sizes only, and writes ?B for others.
            var size = string.Create(CultureInfo.InvariantCulture, $" {LlamaNative.llama_model_n_params(Handle) / 1e6:0.#}M ");
            return Utf8Text.Read(buffer, LlamaNative.llama_model_desc(Handle, pointer, (nuint)buffer.Length)).Replace(" ?B ", size, StringComparison.Ordinal);
        }
    }

    /// <summary>A file that does not fit is not a broken file (seen on a GPU that was nearly full).</summary>
    internal static string Advice(IReadOnlyList<string> errors) => IsForMemory(errors)
        ? "free memory on the device, keep fewer layers on it (GPU layers), or choose a smaller checkpoint"
        : "download it again, or choose another checkpoint";

    private static bool IsForMemory(IReadOnlyList<string> errors) => errors.Any(line => line.Contains("allocate", StringComparison.OrdinalIgnoreCase));
}
