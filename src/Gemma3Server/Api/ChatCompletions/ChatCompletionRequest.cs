using System.ComponentModel;
using System.Text.Json;

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

    /// <summary>Answers to give, 1 to 16: each with the next seed, all to a prompt that is computed once.</summary>
    [DefaultValue(1)]
    public long? N { get; init; }

    /// <summary>Whether to report how probable each token of the answer was to the model, before temperature, penalties, bias and truncation.</summary>
    public bool? Logprobs { get; init; }

    /// <summary>0 to 20, only with <c>logprobs</c>: how many of the most probable tokens to report in each place.</summary>
    public long? TopLogprobs { get; init; }

    /// <summary>What the answer must look like: any <c>text</c>, a <c>json_object</c>, or what a <c>json_schema</c> says, strict or not.</summary>
    public JsonElement? ResponseFormat { get; init; }

    /// <summary>
    /// Extension, one of: <c>json</c> (a JSON Schema), <c>regex</c> (the whole answer matches it), <c>choice</c> (strings, one of which is the
    /// answer), <c>grammar</c> (llama.cpp's GBNF).
    /// </summary>
    public JsonElement? StructuredOutputs { get; init; }

    /// <summary>Extension: whether the prompt ends with the beginning of the model's turn.</summary>
    [DefaultValue(true)]
    public bool? AddGenerationPrompt { get; init; }

    /// <summary>Extension: whether the model goes on with the last message, which must be the assistant's, instead of a new one.</summary>
    public bool? ContinueFinalMessage { get; init; }

    /// <summary>Up to 128 functions that the model may call; their <c>parameters</c> are JSON Schemas that its arguments always satisfy.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Which of the tools may or must be called; <c>auto</c> where there are any.</summary>
    public JsonElement? ToolChoice { get; init; }

    /// <summary>Whether one answer may call several tools.</summary>
    [DefaultValue(true)]
    public bool? ParallelToolCalls { get; init; }

    /// <summary>What the answer will probably be, which makes it faster where it is right and changes nothing else.</summary>
    public JsonElement? Prediction { get; init; }

    /// <summary>Output types; text is the only one here.</summary>
    public IReadOnlyList<string?>? Modalities { get; init; }

    /// <summary>Without effect: this model does not think before it answers.</summary>
    public string? ReasoningEffort { get; init; }

    /// <summary>Without effect.</summary>
    public string? Verbosity { get; init; }

    /// <summary>Without effect: answers are not kept.</summary>
    public bool? Store { get; init; }

    /// <summary>Without effect: at most 16 pairs of strings.</summary>
    public IReadOnlyDictionary<string, string?>? Metadata { get; init; }

    /// <summary>Without effect; the API key tells clients apart.</summary>
    public string? User { get; init; }

    /// <summary>Without effect.</summary>
    public string? SafetyIdentifier { get; init; }

    /// <summary>Without effect: the prefix cache finds by itself what prompts have in common.</summary>
    public string? PromptCacheKey { get; init; }
}
