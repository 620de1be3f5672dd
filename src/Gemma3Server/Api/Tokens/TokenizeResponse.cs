namespace Gemma3Server.Api.Tokens;

/// <summary>The tokens of a text.</summary>
/// <param name="Tokens">Their ids, with their texts where those were asked for.</param>
/// <param name="Count">How many they are.</param>
/// <param name="MaxModelLen">The server's context length.</param>
/// <param name="TokenStrs">Their texts, where they were asked for in this way.</param>
internal sealed record TokenizeResponse(
    IReadOnlyList<TokenPiece> Tokens, int Count, int MaxModelLen, IReadOnlyList<string>? TokenStrs);
