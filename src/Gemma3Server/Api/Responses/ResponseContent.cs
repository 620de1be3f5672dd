using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Responses;

/// <summary>A part of a message.</summary>
internal sealed record ResponseContent
{
    public const string InputText = "input_text";
    public const string OutputText = "output_text";

    /// <summary><c>input_text</c>, or <c>output_text</c> in messages of the assistant.</summary>
    public required string Type { get; init; }

    /// <summary>Always empty; in <c>output_text</c> only.</summary>
    public IReadOnlyList<JsonElement>? Annotations { get; init; }

    /// <summary>Token by token, when they were asked for; in <c>output_text</c> only.</summary>
    public IReadOnlyList<ContentLogprob>? Logprobs { get; init; }

    /// <summary>The text.</summary>
    public required string Text { get; init; }

    public static ResponseContent Input(string text) => new() { Type = InputText, Text = text };

    public static ResponseContent Output(string text, IReadOnlyList<ContentLogprob>? logprobs = null) =>
        new() { Type = OutputText, Annotations = [], Logprobs = logprobs ?? [], Text = text };
}
