namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>One node of a grammar's network. Which fields count depends on the kind.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Next">Match, Call, Repeat: the node behind; Split: the first of its targets in the target list.</param>
/// <param name="Operand">Match: the set; Call, Repeat: the rule; Split: the number of targets.</param>
/// <param name="Min">Repeat: fewest repetitions.</param>
/// <param name="Max">Repeat: most repetitions, <see cref="Unbounded"/> for any number.</param>
internal readonly record struct GrammarNode(GrammarNodeKind Kind, int Next = 0, int Operand = 0, int Min = 0, int Max = 0)
{
    public const int Unbounded = int.MaxValue;
}
