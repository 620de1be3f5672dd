using System.Text.Json;

namespace Gemma3Server.Engine.Structured.Tools;

/// <summary>
/// The text of a <see cref="GrammarDefinition"/> of the kind <see cref="GrammarKind.ToolCalls"/>: an answer in which tools may be called. From the
/// beginning of a call on everything is constrained, the arguments by the tool's schema; before it the text is free, or what
/// <see cref="Otherwise"/> says, or there is none.
/// </summary>
public sealed record ToolCallGrammar
{
    /// <summary>How calls are written.</summary>
    public ToolCallForm Form { get; init; }

    /// <summary>The tools; their names differ.</summary>
    public required IReadOnlyList<CallableTool> Tools { get; init; }

    /// <summary>Whether the answer is calls and nothing else.</summary>
    public bool Required { get; init; }

    /// <summary>Whether several calls may follow each other.</summary>
    public bool Parallel { get; init; } = true;

    /// <summary>What an answer without calls must look like; <see langword="null"/> = anything, also before a call.</summary>
    public GrammarDefinition? Otherwise { get; init; }

    /// <summary>The definition of this grammar: plain data, equal for equal grammars.</summary>
    public GrammarDefinition ToDefinition() => new(GrammarKind.ToolCalls, JsonSerializer.Serialize(this));

    /// <summary>Reads what <see cref="ToDefinition"/> has written.</summary>
    internal static ToolCallGrammar Read(string text) =>
        JsonSerializer.Deserialize<ToolCallGrammar>(text) ?? throw new GrammarException("There are no tools.");
}
