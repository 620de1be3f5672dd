namespace Gemma3Server.Api.Responses;

/// <summary>The format of an answer.</summary>
/// <param name="Type">Always <c>text</c>.</param>
internal sealed record ResponseTextFormat(string Type);
