namespace Gemma3Server.Api.Tokens;

/// <summary>The text of tokens.</summary>
/// <param name="Content">The text, as llama-server names it; control tokens are spelled out.</param>
/// <param name="Prompt">The same, as vLLM names it.</param>
internal sealed record DetokenizeResponse(string Content, string Prompt);
