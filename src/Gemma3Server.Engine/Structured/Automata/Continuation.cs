namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Where to go on when a rule ends.</summary>
/// <param name="Node">The node; a Repeat goes on with its next repetition or behind itself.</param>
/// <param name="Count">For a Repeat: repetitions that have begun.</param>
/// <param name="Frame">The continuations of the rule that the node stands in; <see langword="null"/> at the bottom.</param>
internal readonly record struct Continuation(int Node, int Count, Frame? Frame) : IComparable<Continuation>
{
    public int CompareTo(Continuation other)
    {
        var order = Node.CompareTo(other.Node);
        if (order == 0) order = Count.CompareTo(other.Count);
        return order != 0 ? order : (Frame?.Id ?? -1).CompareTo(other.Frame?.Id ?? -1);
    }
}
