using System.ComponentModel;
using System.Text.Json;

namespace Gemma3Server.Api.Responses;

/// <summary>
/// The body of <c>POST /v1/responses</c>: the fields that are honoured or given back. Every other one is either refused with a 400 or named in
/// the response header <c>x-ignored-params</c>.
/// </summary>
internal sealed record ResponseRequest : GenerationFields
{
    /// <summary>Text of the user, or items: messages of all roles with text, calls of functions and their outputs, and references to items of stored responses.</summary>
    public JsonElement? Input { get; init; }

    /// <summary>A system message in front of the conversation; not carried over to the next response.</summary>
    public string? Instructions { get; init; }

    /// <summary>A stored response whose conversation is continued.</summary>
    public string? PreviousResponseId { get; init; }

    /// <summary>Most tokens to generate; without it, up to the end of the context.</summary>
    public long? MaxOutputTokens { get; init; }

    /// <summary>What to do when the conversation does not fit: drop items from its beginning (<c>auto</c>), or refuse it (<c>disabled</c>).</summary>
    [DefaultValue("disabled")]
    public string? Truncation { get; init; }

    /// <summary>Whether the response is kept: for later retrieval and as a <c>previous_response_id</c>.</summary>
    [DefaultValue(true)]
    public bool? Store { get; init; }

    /// <summary>Whether to answer at once with a response that is <c>queued</c>, and to run it without the client.</summary>
    [DefaultValue(false)]
    public bool? Background { get; init; }

    /// <summary>At most 16 pairs of strings, which are stored and given back.</summary>
    public IReadOnlyDictionary<string, string?>? Metadata { get; init; }

    /// <summary>The form of the answer; plain text here.</summary>
    public ResponseTextOptions? Text { get; init; }

    /// <summary>More to report: <c>message.output_text.logprobs</c>. Other values concern tools and thoughts, and have no effect.</summary>
    public IReadOnlyList<string?>? Include { get; init; }

    /// <summary>0 to 20, with <c>message.output_text.logprobs</c>: how many of the most probable tokens to report in each place.</summary>
    public long? TopLogprobs { get; init; }

    /// <summary>Up to 128 functions that the model may call; their <c>parameters</c> are JSON Schemas that its arguments always satisfy.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>Which of the tools may or must be called; <c>auto</c> where there are any.</summary>
    public JsonElement? ToolChoice { get; init; }

    /// <summary>Whether one answer may call several functions.</summary>
    [DefaultValue(true)]
    public bool? ParallelToolCalls { get; init; }

    /// <summary>Without effect: this model does not think before it answers.</summary>
    public ResponseReasoning? Reasoning { get; init; }

    /// <summary>Without effect, given back; the API key tells clients apart.</summary>
    public string? User { get; init; }

    /// <summary>Without effect, given back.</summary>
    public string? SafetyIdentifier { get; init; }

    /// <summary>Without effect, given back: the prefix cache finds by itself what prompts have in common.</summary>
    public string? PromptCacheKey { get; init; }
}
