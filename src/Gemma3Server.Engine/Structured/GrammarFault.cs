namespace Gemma3Server.Engine.Structured;

/// <summary>Why a <see cref="GrammarDefinition"/> cannot be used.</summary>
/// <param name="Message">One sentence for the user, which names the place, the bound and the given value.</param>
/// <param name="Pointer">The JSON pointer of the keyword at fault, of a <see cref="GrammarKind.JsonSchema"/>; else <see langword="null"/>.</param>
public sealed record GrammarFault(string Message, string? Pointer = null);
