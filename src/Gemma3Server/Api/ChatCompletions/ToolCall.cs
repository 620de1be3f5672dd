namespace Gemma3Server.Api.ChatCompletions;

/// <summary>A call of a tool.</summary>
/// <param name="Id"><c>call_...</c>; the message with the result repeats it.</param>
/// <param name="Type">Always <c>function</c>.</param>
/// <param name="Function">What is called.</param>
internal sealed record ToolCall(string Id, string Type, FunctionCall Function);
