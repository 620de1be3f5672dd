using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Reads which log-probabilities are asked for.</summary>
internal static class LogProbsReader
{
    /// <summary>OpenAI's bound.</summary>
    public const int MaxTop = 20;

    /// <summary>How many of the most probable tokens come with each token's own; null when none are asked for.</summary>
    public static int? Read(bool? logprobs, long? topLogprobs, FieldChecks checks)
    {
        var top = checks.Integer("top_logprobs", topLogprobs, 0, 0, MaxTop);
        if (top > 0 && logprobs != true)
            checks.Add(OpenAiError.OutOfRange("top_logprobs", "'top_logprobs' is only allowed when 'logprobs' is true."));
        return logprobs == true ? top : null;
    }
}
