using Gemma3Server.Runtime;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Diagnostics;

namespace Gemma3Server.Hosting;

/// <summary>The only place that names a concrete runtime.</summary>
internal static class CompositionRoot
{
    /// <summary>Adds the runtime's loader, which the engine calls on its own thread, and the runtime's word on native faults.</summary>
    public static IServiceCollection AddRuntime(this IServiceCollection services) => services
        .AddSingleton(new NativeFault(LlamaCppRuntime.NativeAbort))
        .AddSingleton<Func<CancellationToken, IModelRuntime>>(provider =>
        {
            var settings = provider.GetRequiredService<Gemma3ServerOptions>();
            var loggers = provider.GetRequiredService<ILoggerFactory>();
            return stopped => LlamaCppRuntime.Load(Translate(settings), loggers, stopped);
        });

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

    private static LlamaCppOptions Translate(Gemma3ServerOptions settings)
    {
        var runtime = settings.Runtime;
        return new()
        {
            ModelPath = settings.Model.Path ?? "",
            GpuLayers = runtime.GpuLayers,
            ContextLength = runtime.ContextLength,
            Parallel = runtime.Parallel,
            BatchTokens = runtime.BatchTokens,
            MicroBatchTokens = runtime.MicroBatchTokens,
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
