using Gemma3Server.Runtime;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Engine.Diagnostics;

/// <summary>The engine's log messages. Text of users and of the model appears at Trace only.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(LogLevel.Debug, "Model {Model} is ready: {Sequences} sequences of {Context} tokens, steps of up to {StepTokens} rows")]
    public static partial void ModelReady(this ILogger logger, string model, int sequences, int context, int stepTokens);

    // Whoever loads may try again, smaller; it is an error when that is given up.
    [LoggerMessage(LogLevel.Debug, "The model could not be loaded: {Reason}")]
    public static partial void LoadFailed(this ILogger logger, string reason, Exception? exception);

    [LoggerMessage(LogLevel.Critical, "The engine loop ended by an unexpected error; no request can be served any more")]
    public static partial void LoopFailed(this ILogger logger, Exception exception);

    [LoggerMessage(LogLevel.Error, "The runtime could not be disposed cleanly")]
    public static partial void DisposeFailed(this ILogger logger, Exception exception);

    [LoggerMessage(LogLevel.Information, "Draining: {Running} requests running, {Waiting} waiting")]
    public static partial void Draining(this ILogger logger, int running, int waiting);

    [LoggerMessage(LogLevel.Debug, "The engine has stopped")]
    public static partial void Stopped(this ILogger logger);

    [LoggerMessage(LogLevel.Debug, "Request {Request} arrived with {PromptTokens} prompt tokens")]
    public static partial void Arrived(this ILogger logger, string request, int promptTokens);

    [LoggerMessage(LogLevel.Debug, "Request {Request} starts to decode; {CachedTokens} of {PromptTokens} prompt tokens were cached")]
    public static partial void Started(this ILogger logger, string request, int cachedTokens, int promptTokens);

    [LoggerMessage(LogLevel.Debug, "Request {Request} finished after {CompletionTokens} tokens: {Reason}")]
    public static partial void Finished(this ILogger logger, string request, int completionTokens, FinishReason reason);

    [LoggerMessage(LogLevel.Debug, "Request {Request} was cancelled after {CompletionTokens} tokens")]
    public static partial void Cancelled(this ILogger logger, string request, int completionTokens);

    [LoggerMessage(LogLevel.Information, "Request {Request} was preempted after {CompletionTokens} tokens: KV cells or memory ran out; {SwappedKibibytes} KiB of it are in host memory")]
    public static partial void Preempted(this ILogger logger, string request, int completionTokens, int swappedKibibytes);

    [LoggerMessage(LogLevel.Debug, "Request {Request} ended after {CompletionTokens} tokens: its time was up")]
    public static partial void Overdue(this ILogger logger, string request, int completionTokens);

    [LoggerMessage(LogLevel.Error, "Request {Request} failed: {Reason}")]
    public static partial void Failed(this ILogger logger, string request, string reason);

    [LoggerMessage(LogLevel.Warning, "Out of memory: what was kept for later has been dropped")]
    public static partial void MemoryShed(this ILogger logger);

    [LoggerMessage(LogLevel.Warning, "Out of memory: steps have at most {Rows} rows for a while")]
    public static partial void MemoryRows(this ILogger logger, int rows);

    [LoggerMessage(LogLevel.Warning, "A forward step of {Rows} rows ended with {Status}")]
    public static partial void ForwardFailed(this ILogger logger, int rows, ForwardStatus status);

    [LoggerMessage(LogLevel.Trace, "Request {Request} token {Token}: {Text}")]
    public static partial void Token(this ILogger logger, string request, int token, string text);
}
