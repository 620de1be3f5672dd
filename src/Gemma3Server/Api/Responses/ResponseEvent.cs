using Gemma3Server.Api.ChatCompletions;

namespace Gemma3Server.Api.Responses;

/// <summary>One event of a streamed response; each type has some of the fields.</summary>
internal record ResponseEvent
{
    /// <summary>Such as <c>response.output_text.delta</c>.</summary>
    public required string Type { get; init; }

    /// <summary>From 0, without gaps.</summary>
    public required int SequenceNumber { get; init; }

    /// <summary>The response as it stands.</summary>
    public ResponseBody? Response { get; init; }

    /// <summary>The item that the event is about.</summary>
    public string? ItemId { get; init; }

    /// <summary>Its place in the output.</summary>
    public int? OutputIndex { get; init; }

    /// <summary>The part's place in the item.</summary>
    public int? ContentIndex { get; init; }

    /// <summary>The item.</summary>
    public ResponseItem? Item { get; init; }

    /// <summary>The part.</summary>
    public ResponseContent? Part { get; init; }

    /// <summary>Text to append.</summary>
    public string? Delta { get; init; }

    /// <summary>The function of a call whose arguments are whole.</summary>
    public string? Name { get; init; }

    /// <summary>The whole arguments of a call.</summary>
    public string? Arguments { get; init; }

    /// <summary>The whole text.</summary>
    public string? Text { get; init; }

    /// <summary>Of the tokens of <see cref="Delta"/> or <see cref="Text"/>, when they were asked for.</summary>
    public IReadOnlyList<ContentLogprob>? Logprobs { get; init; }
}
