using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>How the engine's outcomes are called in the OpenAI protocol.</summary>
internal static class GenerationMapping
{
    /// <summary>Loading takes seconds; asking more often than this helps nobody.</summary>
    private static readonly TimeSpan LoadingRetry = TimeSpan.FromSeconds(5);

    /// <param name="reason">Why the generation ended.</param>
    /// <param name="hasCalled">Whether the answer ended with a call of a tool.</param>
    public static string ToWireName(this FinishReason reason, bool hasCalled = false) => reason switch
    {
        FinishReason.Stop when hasCalled => "tool_calls",
        FinishReason.Stop => "stop",
        // OpenAI has no word for a time limit; "length" says the same: cut off, not finished.
        FinishReason.Length or FinishReason.Deadline => "length",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Unknown finish reason."),
    };

    public static OpenAiError ToOpenAiError(this GenerationEvent.Failed failure, TimeSpan? retryAfter = null) => failure.Error switch
    {
        GenerationError.QueueFull => OpenAiError.QueueFull(failure.Message, retryAfter ?? TimeSpan.FromSeconds(1)),
        GenerationError.Loading => OpenAiError.Unavailable("model_loading", failure.Message, retryAfter ?? LoadingRetry),
        GenerationError.Draining => OpenAiError.Unavailable("server_draining", failure.Message, retryAfter ?? LoadingRetry),
        GenerationError.OutOfMemory => OpenAiError.Unavailable("out_of_memory", failure.Message, retryAfter ?? LoadingRetry),
        GenerationError.DeadlineExceeded => OpenAiError.Overdue(failure.Message),
        _ => OpenAiError.ServerError(failure.Message) with { Code = "generation_failed" },
    };

    /// <summary>Why an engine in this state takes no requests; null when it does.</summary>
    public static OpenAiError? Unavailability(this InferenceEngine engine) => engine.State switch
    {
        EngineState.Ready => null,
        EngineState.Loading => OpenAiError.Unavailable("model_loading", "The model is still being loaded; try again soon.", LoadingRetry),
        EngineState.Draining or EngineState.Stopped =>
            OpenAiError.Unavailable("server_draining", "The server is shutting down and takes no new requests.", LoadingRetry),
        _ => OpenAiError.Unavailable("model_failed", $"The model failed: {engine.Failure?.Message ?? "unknown reason"}", LoadingRetry),
    };
}
