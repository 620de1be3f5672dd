using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests;

/// <summary>The generated checkpoint that the native tests run on, written once per run beside the tests.</summary>
internal static class TinyCheckpoint
{
    private static readonly Lazy<string> Written = new(() =>
    {
        var path = System.IO.Path.Combine(AppContext.BaseDirectory, $"tiny-{Environment.ProcessId}.gguf");
        SyntheticCheckpoint.Write(GemmaShape.Tiny, path, seed: 1);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => File.Delete(path);
        return path;
    });

    public static string Path => Written.Value;

    /// <summary>One compute thread: spinning workers on a shared machine are slow. Micro-batches of 64 keep little more than the window.</summary>
    public static LlamaCppOptions Options => new()
    {
        LibraryDirectory = TestLibrary.Directory,
        ModelPath = Path,
        Threads = 1,
        ContextLength = 512,
        Parallel = 3,
        BatchTokens = 256,
        MicroBatchTokens = 64,
        GpuLayers = TestLibrary.Directory is null ? 0 : -1,
        SharedCells = false,
    };

    public static LlamaCppRuntime Load(LlamaCppOptions? options = null) => LlamaCppRuntime.Load(options ?? Options, NullLoggerFactory.Instance);
}
