namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>One place where a text may stand in its grammar.</summary>
/// <param name="Node">A Match node.</param>
/// <param name="Frame">The stack below it.</param>
internal readonly record struct StateItem(int Node, Frame Frame) : IComparable<StateItem>
{
    public int CompareTo(StateItem other)
    {
        var order = Node.CompareTo(other.Node);
        return order != 0 ? order : Frame.Id.CompareTo(other.Frame.Id);
    }
}
