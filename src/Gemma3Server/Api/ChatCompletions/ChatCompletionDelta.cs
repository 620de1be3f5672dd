namespace Gemma3Server.Api.ChatCompletions;

/// <summary>The new part of a message.</summary>
internal sealed record ChatCompletionDelta
{
    /// <summary><c>assistant</c> in the first event.</summary>
    public string? Role { get; init; }

    /// <summary>Text to append.</summary>
    public string? Content { get; init; }

    /// <summary>What is new of one call of a tool.</summary>
    public IReadOnlyList<ToolCallDelta>? ToolCalls { get; init; }
}
