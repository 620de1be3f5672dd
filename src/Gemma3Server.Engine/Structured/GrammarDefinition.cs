namespace Gemma3Server.Engine.Structured;

/// <summary>
/// What generated text must look like: plain data, a part of a <see cref="GenerationRequest"/>. The text is <see cref="Prefix"/>, what
/// <see cref="Kind"/> and <see cref="Text"/> describe, then <see cref="Suffix"/>; with a <see cref="Trigger"/>, free text around that.
/// </summary>
/// <param name="Kind">The language of <paramref name="Text"/>.</param>
/// <param name="Text">The grammar.</param>
public sealed record GrammarDefinition(GrammarKind Kind, string Text = "")
{
    /// <summary>Literal text before.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Literal text behind.</summary>
    public string Suffix { get; init; } = "";

    /// <summary>
    /// A text that wakes the constraint: everything is allowed until the generated text ends with it, and what follows is constrained, be
    /// it in the same token. Not empty; <see langword="null"/> = constrained from the first token. The end of turn is allowed while the
    /// text is free.
    /// </summary>
    public string? Trigger { get; init; }

    /// <summary>
    /// Whether it may go on after one round: with a trigger in free text, which may wake the constraint again; without one, with another
    /// prefix, grammar and suffix. Otherwise nothing but the end of turn follows.
    /// </summary>
    public bool Repeats { get; init; }
}
