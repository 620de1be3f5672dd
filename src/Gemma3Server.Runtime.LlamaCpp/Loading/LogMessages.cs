using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Loading;

/// <summary>What this runtime logs.</summary>
internal static partial class LogMessages
{
    [LoggerMessage(Message = "{Message}")]
    public static partial void Native(ILogger logger, LogLevel level, string message);

    [LoggerMessage(Level = LogLevel.Information, Message = "llama.cpp {Version} ({Variant}) on {Devices}")]
    public static partial void LibraryLoaded(ILogger logger, string version, string variant, string devices);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The {Variant} backend of llama.cpp cannot be used, so everything runs on the CPU: {Reason}")]
    public static partial void BackendUnusable(ILogger logger, string variant, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Memory plan, in MiB:{Table}")]
    public static partial void MemoryPlanned(ILogger logger, string table);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Loaded {Model} ({Description}): {Sequences} sequences of {ContextLength} positions, {Cells} cells {Layout}, {KvMebibytes} MiB KV, {Threads} threads")]
    public static partial void ModelLoaded(
        ILogger logger, string model, string description, int sequences, int contextLength, long cells, string layout, long kvMebibytes, int threads);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Loading {Path}: {Percent} %")]
    public static partial void Loading(ILogger logger, string path, int percent);

    [LoggerMessage(Level = LogLevel.Critical, Message = "llama.cpp stopped on a failed assertion; this process cannot compute any more: {Message}")]
    public static partial void Aborted(ILogger logger, string message);

    [LoggerMessage(Level = LogLevel.Warning, Message = "No embedding of {Tokens} tokens can be computed: {Reason}")]
    public static partial void NoEmbeddingContext(ILogger logger, int tokens, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "llama_decode failed with code {Code} on {Rows} rows")]
    public static partial void DecodeFailed(ILogger logger, int code, int rows);
}
