namespace Gemma3Server.Prompts;

/// <summary>A prompt as a request gives it: text, or the ids of its tokens. One of the two is not null.</summary>
/// <param name="Name">The field that it stands in, such as <c>prompt[2]</c>.</param>
/// <param name="Text">Text, to be tokenized.</param>
/// <param name="Tokens">Token ids, all of the vocabulary; taken as they are.</param>
internal sealed record RawPrompt(string Name, string? Text, int[]? Tokens);
