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
}
