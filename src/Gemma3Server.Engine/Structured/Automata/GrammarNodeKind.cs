namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>What a <see cref="GrammarNode"/> does.</summary>
internal enum GrammarNodeKind : byte
{
    /// <summary>Takes one byte of a set.</summary>
    Match,

    /// <summary>Goes on at any of its targets; none = a dead end.</summary>
    Split,

    /// <summary>Goes on behind a rule.</summary>
    Call,

    /// <summary>Goes on behind a number of repetitions of a rule.</summary>
    Repeat,

    /// <summary>Ends the rule.</summary>
    Return,

    /// <summary>Ends the text.</summary>
    Accept,
}
