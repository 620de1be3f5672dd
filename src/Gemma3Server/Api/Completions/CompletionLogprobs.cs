namespace Gemma3Server.Api.Completions;

/// <summary>How probable the tokens of an answer were, as four lists of the same length.</summary>
/// <param name="Tokens">Their texts; escaped bytes where they are a part of a character.</param>
/// <param name="TokenLogprobs">Natural logarithm of their probabilities; -9999 when the model rules one out.</param>
/// <param name="TopLogprobs">For each the most probable tokens in its place and itself.</param>
/// <param name="TextOffset">Where in the answer each begins, counted in Unicode characters.</param>
internal sealed record CompletionLogprobs(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<float> TokenLogprobs,
    IReadOnlyList<IReadOnlyDictionary<string, float>> TopLogprobs,
    IReadOnlyList<int> TextOffset);
