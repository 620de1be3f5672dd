namespace Gemma3Server.Api.Tokens;

/// <summary>The prompt of a conversation.</summary>
/// <param name="Prompt">As text, to be read by people: as the prompt of a completion its control tokens would stay text.</param>
/// <param name="Tokens">As token ids, which a completion takes as its prompt.</param>
internal sealed record TemplateResponse(string Prompt, IReadOnlyList<int> Tokens);
