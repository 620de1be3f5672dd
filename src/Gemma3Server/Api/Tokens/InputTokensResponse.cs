namespace Gemma3Server.Api.Tokens;

/// <summary>The size of a prompt.</summary>
/// <param name="InputTokens">Tokens of the rendered conversation.</param>
/// <param name="Object">Always <c>chat.completion.input_tokens</c>.</param>
internal sealed record InputTokensResponse(int InputTokens, string Object = "chat.completion.input_tokens");
