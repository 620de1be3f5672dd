using System.ComponentModel;
using System.Text.Json;

namespace Gemma3Server.Api.Completions;

/// <summary>
/// The body of <c>POST /v1/completions</c>: the fields that are honoured. Every other one is either refused with a 400 or named in the response
/// header <c>x-ignored-params</c>.
/// </summary>
internal sealed record CompletionRequest : GenerationFields
{
    /// <summary>
    /// A text to continue, several, the token ids of one, or those of several. Text gets the beginning-of-sequence token in front, and stays
    /// text where it spells a control token; token ids are taken as they are.
    /// </summary>
    public JsonElement? Prompt { get; init; }

    /// <summary>Most tokens to generate.</summary>
    [DefaultValue(16)]
    public long? MaxTokens { get; init; }

    /// <summary>How many answers to each prompt; the n-th has the seed plus n.</summary>
    [DefaultValue(1)]
    public long? N { get; init; }

    /// <summary>How many answers to each prompt to generate; the <c>n</c> of the highest mean log-probability are given. Not with <c>stream</c>.</summary>
    public long? BestOf { get; init; }

    /// <summary>Whether the answer begins with the prompt. Not with <c>logprobs</c>.</summary>
    public bool? Echo { get; init; }

    /// <summary>Must be empty: Gemma 3 has no tokens for text to fill in.</summary>
    public string? Suffix { get; init; }

    /// <summary>0 to 5: the log-probability of each token, and of so many of the most probable ones in its place.</summary>
    public long? Logprobs { get; init; }

    /// <summary>Has no effect.</summary>
    public string? User { get; init; }
}
