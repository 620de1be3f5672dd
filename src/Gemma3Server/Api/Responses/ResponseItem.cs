namespace Gemma3Server.Api.Responses;

/// <summary>An item of a conversation: a message.</summary>
internal sealed record ResponseItem
{
    /// <summary><c>msg_...</c>; begins with the id of the response that it belongs to, see <see cref="ResponseId"/>.</summary>
    public required string Id { get; init; }

    /// <summary>Always <c>message</c>.</summary>
    public string Type { get; init; } = "message";

    /// <summary><c>in_progress</c>, <c>completed</c> or <c>incomplete</c>.</summary>
    public required string Status { get; init; }

    /// <summary>Its parts.</summary>
    public required IReadOnlyList<ResponseContent> Content { get; init; }

    /// <summary><c>system</c>, <c>developer</c>, <c>user</c> or <c>assistant</c>.</summary>
    public required string Role { get; init; }
}
