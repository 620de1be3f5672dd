using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Engine;
using Gemma3Server.Pool;
using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Diagnostics;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;
using Gemma3Server.Runtime.LlamaCpp.Planning;
using Gemma3Server.Runtime.LlamaCpp.Quantizing;

namespace Gemma3Server.Hosting;

/// <summary>The only place that names a concrete runtime.</summary>
internal static class CompositionRoot
{
    /// <summary>The runtime's word on native faults.</summary>
    public static NativeFault NativeFault => new(LlamaCppRuntime.NativeAbort);

    /// <summary>Adds the runtime's loader, and the runtime's word on native faults.</summary>
    public static IServiceCollection AddRuntime(this IServiceCollection services) => services
        .AddSingleton(NativeFault)
        .AddSingleton(provider => CreateLoader(provider.GetRequiredService<Gemma3ServerOptions>(), provider.GetRequiredService<ILoggerFactory>()));

    /// <summary>Loads and measures with llama.cpp.</summary>
    private static RuntimeLoader CreateLoader(Gemma3ServerOptions server, ILoggerFactory loggers)
    {
        // What was free before anything was loaded: mapped weights count as free afterwards, too.
        var hostFreeBefore = 0L;
        return new()
        {
            Load = (settings, free, progress, stopped) =>
                LlamaCppRuntime.Load(Translate(settings) with { Free = Within(free), OnProgress = progress }, loggers, stopped),
            LoadDraft = (settings, runtime, free, stopped) =>
            {
                var served = Translate(settings) with { Parallel = runtime.Limits.MaxSequences, ContextLength = runtime.Limits.ContextLength };
                return NameDraft(() => LlamaCppRuntime.Load(DraftOf(served) with { Free = Within(free) }, loggers, stopped));
            },
            Need = settings => NeedOf(Translate(settings), Measure()),
            TakenBy = runtime => SizeOf(((LlamaCppRuntime)runtime).Memory.Need),
            HostLayers = runtime => ((LlamaCppRuntime)runtime).Memory is { Free.Gpus: > 0 } plan ? plan.LayerCount - plan.OffloadedLayers : 0,
            Free = taken =>
            {
                var now = Measure();
                if (taken.Host == 0) hostFreeBefore = now.HostFree;
                return new(Math.Min(now.HostFree, hostFreeBefore - taken.Host), now.GpuFree);
            },
        };

        DeviceMemory Measure() => MeasureMemory(server, loggers);

        // The planner counts the process's context for each load; asking what is free has made it already.
        DeviceMemory Within(MemorySize free)
        {
            var now = Measure();
            return now with { HostFree = Math.Min(now.HostFree, free.Host), GpuFree = Math.Min(now.GpuFree, free.Gpu) + (now.Gpus * MemoryNeed.GpuContext) };
        }
    }

    /// <summary>What a checkpoint takes as it is configured, and as small as can be; where its sizes are open, with those below which nobody would want it.</summary>
    private static ModelNeed NeedOf(LlamaCppOptions options, DeviceMemory free)
    {
        const int UsualSequences = 4;
        const int UsualContext = 4096;
        const int LeastContext = 2048;
        var endless = new DeviceMemory(MemorySize.Unlimited.Host, free.Gpus > 0 ? MemorySize.Unlimited.Gpu : 0, free.Gpus);
        var longest = MemoryPlanner.Plan(options with { ContextLength = 0 }, endless).TrainedContextLength;
        var usual = options with
        {
            Parallel = options.Parallel == 0 ? UsualSequences : options.Parallel,
            ContextLength = options.ContextLength == 0 ? Math.Min(longest, UsualContext) : options.ContextLength,
        };
        var least = options with { Parallel = 1, ContextLength = options.ContextLength == 0 ? Math.Min(longest, LeastContext) : options.ContextLength };
        var size = SizeOf(MemoryPlanner.Plan(usual, endless).Need);
        if (options.DraftPath is not null) size += SizeOf(NameDraft(() => MemoryPlanner.Plan(DraftOf(usual), endless)).Need);
        return new(size, SizeOf(MemoryPlanner.Plan(least, endless).Need).Total);
    }

    /// <summary>What a model takes, and gives back: the process's context on a GPU is not the model's.</summary>
    private static MemorySize SizeOf(MemoryNeed need) => new(need.Host.Total, need.GpuOfModel);

    /// <summary>
    /// The plainest loop over the native library, which goes past the runtime: the ceiling that <c>bench</c> compares with. It has a context
    /// of its own on the weights of <paramref name="runtime"/>, which must live longer.
    /// </summary>
    public static NativeBaseline CreateNativeBaseline(IModelRuntime runtime)
    {
        var loop = NativeDecodeLoop.On((LlamaCppRuntime)runtime);
        return new(
            loop.Hardware,
            (prompts, tokens) =>
            {
                var result = loop.Run(prompts, tokens);
                return new(result.PrefillRate, result.DecodeRate, result.Tokens);
            },
            loop);
    }

    /// <summary>Loads a model whose every row of a micro-batch may ask for logits.</summary>
    public static IModelRuntime LoadForScoring(Gemma3ServerOptions settings, ILoggerFactory loggers, CancellationToken stopped) =>
        LlamaCppRuntime.Load(Translate(settings) with { LogitsRows = settings.Runtime.MicroBatchTokens, DraftRows = 0, DraftPath = null }, loggers, stopped);

    /// <summary>Quantizes the configured model; tells the tensor and the share that is done, on another thread.</summary>
    public static async Task<QuantizeOutcome> QuantizeAsync(
        Gemma3ServerOptions settings, QuantizeSettings job, ILoggerFactory loggers, Action<string, double> report, CancellationToken stopped)
    {
        var options = new QuantizeOptions
        {
            SourcePath = settings.Model.Path!,
            TargetPath = job.Target,
            Type = Enum.Parse<GgmlType>(job.Type, ignoreCase: true),
            EmbeddingType = Enum.Parse<GgmlType>(job.Embeddings, ignoreCase: true),
            Overwrite = job.Overwrite,
            AllowRequantize = job.AllowRequantize,
            Threads = settings.Runtime.Threads,
            LibraryDirectory = Translate(settings).LibraryDirectory,
        };
        var result = await CheckpointQuantizer.RunAsync(
            options, loggers, progress => report(progress.Tensor, (double)progress.Bytes / progress.TotalBytes), stopped);
        return new(result.SourceBytes, result.TargetBytes, result.SourceBitsPerWeight, result.TargetBitsPerWeight);
    }

    /// <summary>Reads what a checkpoint tells about itself; otherwise one line that says why not.</summary>
    public static bool TryInspect(string path, [NotNullWhen(true)] out CheckpointInspection? inspection, [NotNullWhen(false)] out string? fault)
    {
        (inspection, fault) = (null, null);
        try
        {
            inspection = CheckpointInspector.Inspect(path);
        }
        catch (GgufException exception)
        {
            fault = exception.Message.ReplaceLineEndings(" ");
        }

        return fault is null;
    }

    /// <summary>Reads what of a checkpoint decides how much memory it takes; otherwise one line that says why not.</summary>
    public static bool TryReadFootprint(string path, [NotNullWhen(true)] out ModelFootprint? footprint, [NotNullWhen(false)] out string? fault)
    {
        (footprint, fault) = (null, null);
        try
        {
            footprint = ModelFootprint.Read(path);
        }
        catch (GgufException exception)
        {
            fault = exception.Message.ReplaceLineEndings(" ");
        }

        return fault is null;
    }

    /// <summary>What memory this machine has free now.</summary>
    /// <exception cref="ModelLoadException">The native library cannot be loaded.</exception>
    public static DeviceMemory MeasureMemory(Gemma3ServerOptions settings, ILoggerFactory loggers) =>
        LlamaCppRuntime.MeasureMemory(Translate(settings).LibraryDirectory, loggers);

    /// <summary>How a load with these settings would turn out, beside a draft model where one is given.</summary>
    /// <exception cref="ModelLoadException">A setting does not go with the model.</exception>
    public static MemoryPlan Plan(ModelFootprint model, ModelFootprint? draft, Gemma3ServerOptions settings, DeviceMemory free) =>
        MemoryPlanner.Plan(model, TranslateSizes(settings), free, draft);

    /// <summary>The longest context that fits with the settings' sequences and layers.</summary>
    public static int LargestContext(ModelFootprint model, ModelFootprint? draft, Gemma3ServerOptions settings, DeviceMemory free) =>
        MemoryPlanner.LargestContext(model, TranslateSizes(settings), free, draft);

    /// <summary>The most sequences that fit with the settings' context and layers.</summary>
    public static int MostSequences(ModelFootprint model, ModelFootprint? draft, Gemma3ServerOptions settings, DeviceMemory free) =>
        MemoryPlanner.MostSequences(model, TranslateSizes(settings), free, draft);

    /// <summary>Copies a checkpoint with its embeddings quantized and its tokenizer's faults corrected; tells the share that is done.</summary>
    public static RepackResult Repack(
        string path, string target, string type, bool overwrite, ILoggerFactory loggers, Action<double> report, CancellationToken stopped) =>
        CheckpointRepacker.Run(
            new() { SourcePath = path, TargetPath = target, EmbeddingType = Enum.Parse<GgmlType>(type, ignoreCase: true), Overwrite = overwrite },
            loggers, report, stopped);

    /// <summary>
    /// The draft model has the same sequences, each with cells of its own: what it guesses is taken back all the time. It holds as much of them
    /// as it was trained for, which may be less: behind that nothing is drafted. A file that cannot be read is left to its load, which says why.
    /// </summary>
    private static LlamaCppOptions DraftOf(LlamaCppOptions served) => served with
    {
        ModelPath = served.DraftPath!,
        DraftPath = null,
        ContextLength = TryReadFootprint(Path.GetFullPath(served.DraftPath!), out var draft, out _) ? Math.Min(served.ContextLength, draft.TrainedContextLength) : served.ContextLength,
        DraftRows = 0,
        SharedCells = false,
        SharedCellCount = 0,
    };

    /// <summary>Says of a fault that it is the draft model's; what is missing memory goes as it is.</summary>
    private static T NameDraft<T>(Func<T> use)
    {
        try
        {
            return use();
        }
        catch (ModelLoadException exception) when (!exception.IsForMemory)
        {
            throw new ModelLoadException($"The draft model cannot be used: {exception.Message}", exception);
        }
    }

    /// <summary>For plans, whose models are given as footprints.</summary>
    private static LlamaCppOptions TranslateSizes(Gemma3ServerOptions settings) => Translate(settings) with { ModelPath = "", DraftPath = null };

    private static LlamaCppOptions Translate(Gemma3ServerOptions settings)
    {
        var runtime = settings.Runtime;
        return new()
        {
            ModelPath = settings.Model.Path ?? "",
            DraftPath = string.IsNullOrWhiteSpace(settings.Model.DraftPath) ? null : settings.Model.DraftPath,
            GpuLayers = runtime.GpuLayers,
            ContextLength = runtime.ContextLength,
            Parallel = runtime.Parallel,
            BatchTokens = runtime.BatchTokens,
            MicroBatchTokens = runtime.MicroBatchTokens,
            DraftRows = settings.Engine.Speculation == "off" ? 0 : settings.Engine.DraftTokens,
            MostDraftRows = EngineOptions.MostDraftRows,
            HostCacheBytes = settings.Engine.CheckpointBytes + settings.Engine.HostCacheBytes,
            Threads = runtime.Threads,
            FlashAttention = runtime.FlashAttention switch
            {
                "on" => true,
                "off" => false,
                _ => null,
            },
            KeyCacheType = runtime.KeyCacheType,
            ValueCacheType = runtime.ValueCacheType,
            MemoryMap = runtime.MemoryMap,
            MemoryLock = runtime.MemoryLock,
            SharedCells = runtime.SharedCells,
            SharedCellCount = runtime.SharedCellCount,
            LibraryDirectory = string.IsNullOrWhiteSpace(runtime.LibraryDirectory) ? null : runtime.LibraryDirectory,
        };
    }
}
