namespace Gemma3Server.Api.ChatCompletions;

/// <summary>Which function is called with what.</summary>
/// <param name="Name">The function; in a stream only in the first event of a call.</param>
/// <param name="Arguments">JSON of an object; in a stream the new part of it.</param>
internal sealed record FunctionCall(string? Name, string Arguments);
