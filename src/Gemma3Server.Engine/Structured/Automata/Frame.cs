namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// The stack of a rule that has begun: all places that it may return to, since rules that began at the same byte share one frame. So a stack is
/// a graph, and ambiguity costs no more than its width. Interned: equal frames of a grammar are one object.
/// </summary>
internal sealed class Frame(int id, Continuation[] continuations)
{
    public int Id { get; } = id;

    /// <summary>Sorted, at least one.</summary>
    public Continuation[] Continuations { get; } = continuations;

    /// <summary>The frame that stands for this one where no more than a token is looked ahead; set by <see cref="GrammarStates"/>.</summary>
    public Frame? Horizon { get; set; }
}
