namespace Gemma3Server.Api.Responses;

/// <summary>The form of the answer, as a response tells it.</summary>
/// <param name="Format">The format.</param>
/// <param name="Verbosity">What was asked for; without effect.</param>
internal sealed record ResponseTextBody(ResponseTextFormat Format, string Verbosity);
