namespace Gemma3Server.Api.Responses;

/// <summary>An item of a conversation: a message, a call of a function, or its output; each type has some of the fields.</summary>
internal sealed record ResponseItem
{
    public const string Message = "message";
    public const string FunctionCall = "function_call";
    public const string FunctionCallOutput = "function_call_output";

    /// <summary><c>msg_...</c>, <c>fc_...</c> or <c>fco_...</c>; begins with the id of the response that it belongs to, see <see cref="ResponseId"/>.</summary>
    public required string Id { get; init; }

    /// <summary><c>message</c>, <c>function_call</c> or <c>function_call_output</c>.</summary>
    public string Type { get; init; } = Message;

    /// <summary><c>in_progress</c>, <c>completed</c> or <c>incomplete</c>.</summary>
    public required string Status { get; init; }

    /// <summary>A message's parts.</summary>
    public IReadOnlyList<ResponseContent>? Content { get; init; }

    /// <summary><c>system</c>, <c>developer</c>, <c>user</c> or <c>assistant</c>.</summary>
    public string? Role { get; init; }

    /// <summary>Of a call: JSON of an object.</summary>
    public string? Arguments { get; init; }

    /// <summary>Of a call and its output: <c>call_...</c></summary>
    public string? CallId { get; init; }

    /// <summary>Of a call: the function.</summary>
    public string? Name { get; init; }

    /// <summary>What a function gave back.</summary>
    public string? Output { get; init; }
}
