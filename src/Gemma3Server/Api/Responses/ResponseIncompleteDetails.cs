namespace Gemma3Server.Api.Responses;

/// <summary>Why a response is incomplete.</summary>
/// <param name="Reason"><c>max_output_tokens</c>, which stands for the end of the context and for time limits, too.</param>
internal sealed record ResponseIncompleteDetails(string Reason);
