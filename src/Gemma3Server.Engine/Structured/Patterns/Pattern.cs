namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>A set of texts, as an expression over characters. Made by a <see cref="PatternFactory"/>, where equal ones are one object.</summary>
internal sealed class Pattern
{
    /// <summary>No upper bound of a repetition.</summary>
    public const int Unbounded = int.MaxValue;

    public required PatternKind Kind { get; init; }

    /// <summary>Order of making, unique in its factory.</summary>
    public required int Id { get; init; }

    /// <summary>Set: the characters.</summary>
    public CodePointSet Set { get; init; } = CodePointSet.Empty;

    /// <summary>Sequence: head and rest; Or, And: the alternatives by id; Not, Repeat: the one part.</summary>
    public Pattern[] Parts { get; init; } = [];

    /// <summary>Repeat: fewest times.</summary>
    public int Min { get; init; }

    /// <summary>Repeat: most times.</summary>
    public int Max { get; init; }

    /// <summary>Rule: which.</summary>
    public int Rule { get; init; }

    /// <summary>Whether the empty text belongs to it; of a rule, unknown and false.</summary>
    public bool IsNullable { get; init; }

    /// <summary>Whether it contains And or Not, so that only an automaton can tell what belongs to it.</summary>
    public bool IsBoolean { get; init; }

    /// <summary>Whether it contains Start or End.</summary>
    public bool HasAnchors { get; init; }
}
