namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>What a <see cref="Pattern"/> is.</summary>
internal enum PatternKind
{
    /// <summary>No text at all.</summary>
    Nothing,

    /// <summary>The empty text.</summary>
    Empty,

    /// <summary>One character of a set.</summary>
    Set,

    /// <summary>One behind the other.</summary>
    Sequence,

    /// <summary>Either.</summary>
    Or,

    /// <summary>What all of them are.</summary>
    And,

    /// <summary>What the part is not.</summary>
    Not,

    /// <summary>The part a number of times.</summary>
    Repeat,

    /// <summary>A rule of a grammar.</summary>
    Rule,

    /// <summary>The start of the text; only while an expression is read.</summary>
    Start,

    /// <summary>The end of the text; only while an expression is read.</summary>
    End,
}
