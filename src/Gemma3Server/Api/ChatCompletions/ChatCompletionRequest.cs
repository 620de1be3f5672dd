namespace Gemma3Server.Api.ChatCompletions;

/// <summary>
/// The body of <c>POST /v1/chat/completions</c>: the fields that are honoured. Every other one is either refused with a 400 or named in the
/// response header <c>x-ignored-params</c>.
/// </summary>
internal sealed record ChatCompletionRequest : GenerationFields
{
    /// <summary>The conversation so far; system and developer text goes into the first user turn, as Gemma 3 was trained.</summary>
    public IReadOnlyList<ChatMessage?>? Messages { get; init; }

    /// <summary>Most tokens to generate; without it, up to the end of the context.</summary>
    public long? MaxCompletionTokens { get; init; }

    /// <summary>Older name of <c>max_completion_tokens</c>.</summary>
    public long? MaxTokens { get; init; }
}
