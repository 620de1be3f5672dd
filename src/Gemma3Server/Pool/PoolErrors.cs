using Gemma3Server.Api.Errors;
using Gemma3Server.Runtime;

namespace Gemma3Server.Pool;

/// <summary>What clients are told when there is no model for them: a 503 or 429 that says when to try again.</summary>
internal static class PoolErrors
{
    /// <summary>A load takes seconds; asking more often than this helps nobody.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    public static OpenAiError Draining { get; } =
        OpenAiError.Unavailable("server_draining", "The server is shutting down and takes no new requests.", Retry);

    public static OpenAiError Starting { get; } =
        OpenAiError.Unavailable("model_loading", "The model is still being loaded; try again soon.", Retry);

    public static OpenAiError Busy(string model, int seconds) => OpenAiError.Unavailable(
        "models_busy", $"The model '{model}' does not fit beside those that are loaded, and all of them have been busy for {seconds} s.", Retry);

    public static OpenAiError TooManyWait(string model, int count) =>
        OpenAiError.QueueFull($"The server is busy: {count} requests are waiting for the model '{model}' to be loaded.", Retry);

    public static OpenAiError AllPinned(string model, int most) => OpenAiError.Unavailable(
        "models_busy", $"The model '{model}' cannot be loaded: {most} models are loaded, as many as allowed, and all of them are pinned.", Retry);

    public static OpenAiError TooLarge(string model, long least, long most) => OpenAiError.Unavailable(
        "out_of_memory", $"The model '{model}' needs at least {least >> 20} MiB of memory, but {most >> 20} MiB can be made free.", Retry);

    /// <summary>Of an exception that a load ended with.</summary>
    public static OpenAiError Of(string model, Exception exception) => exception is ModelLoadException { IsForMemory: true }
        ? OpenAiError.Unavailable("out_of_memory", $"There is no memory for the model '{model}': {exception.Message}", Retry)
        : Failed(model, exception.Message);

    public static OpenAiError Failed(string model, string reason) => OpenAiError.Unavailable("model_failed", $"The model '{model}' failed: {reason}", Retry);
}
