using Gemma3Server.Api.Errors;

namespace Gemma3Server.Chat;

/// <summary>Checks that prompt and answer fit into the context.</summary>
internal static class ContextLength
{
    /// <summary>Why a prompt cannot fit; null when it may.</summary>
    /// <param name="param">The field that the prompt was made of.</param>
    /// <param name="leastTokens">What the prompt has at least, known before it is tokenized: that takes seconds for megabytes of text.</param>
    /// <param name="contextLength">The server's.</param>
    public static OpenAiError? CheckLeast(string param, long leastTokens, int contextLength) =>
        leastTokens > contextLength ? TooLong(param, contextLength, $"at least {leastTokens} tokens.") : null;

    /// <summary>Why prompt and answer do not fit; null when they do.</summary>
    /// <param name="param">The field that the prompt was made of.</param>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="askedTokens">Tokens that the answer is to have at most, if the request says so.</param>
    /// <param name="contextLength">The server's.</param>
    public static OpenAiError? Check(string param, int promptTokens, int? askedTokens, int contextLength)
    {
        if (promptTokens >= contextLength)
        {
            return TooLong(param, contextLength,
                $"{promptTokens} tokens" + (promptTokens == contextLength ? ", which leaves no room for an answer." : "."));
        }

        return promptTokens + (long)(askedTokens ?? 0) > contextLength
            ? OpenAiError.Invalid(param,
                $"This server's context length is {contextLength} tokens, but the request needs {promptTokens + (long)askedTokens!} "
                + $"({promptTokens} in the {param}, {askedTokens} in the completion).",
                "context_length_exceeded")
            : null;
    }

    private static OpenAiError TooLong(string param, int contextLength, string length) => OpenAiError.Invalid(param,
        $"This server's context length is {contextLength} tokens, but the {param} {(param.EndsWith('s') ? "have" : "has")} {length}",
        "context_length_exceeded");
}
