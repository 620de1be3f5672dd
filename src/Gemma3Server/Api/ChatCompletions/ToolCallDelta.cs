namespace Gemma3Server.Api.ChatCompletions;

/// <summary>The new part of a call of a tool.</summary>
/// <param name="Index">Which call of the answer, from 0.</param>
/// <param name="Id">Its id, in its first event.</param>
/// <param name="Type"><c>function</c>, in its first event.</param>
/// <param name="Function">The name in its first event, then pieces of the arguments.</param>
internal sealed record ToolCallDelta(int Index, string? Id, string? Type, FunctionCall Function);
