using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Caching;

/// <summary>A prefix that somebody holds or held: the path of tokens from the root to here, of which the node keeps the last stretch.</summary>
internal sealed class RadixNode
{
    private Dictionary<int, RadixNode>? _children;

    public RadixNode(RadixNode? parent, ReadOnlyMemory<int> edge)
    {
        Parent = parent;
        Edge = edge;
        End = (parent?.End ?? 0) + edge.Length;
    }

    public RadixNode? Parent { get; set; }

    /// <summary>The tokens between the parent and here; empty for the root only.</summary>
    public ReadOnlyMemory<int> Edge { get; set; }

    /// <summary>Length of the prefix.</summary>
    public int End { get; }

    /// <summary>Length of the parent's prefix.</summary>
    public int Start => End - Edge.Length;

    public IReadOnlyCollection<RadixNode> Children => (IReadOnlyCollection<RadixNode>?)_children?.Values ?? [];

    public int ChildCount => _children?.Count ?? 0;

    /// <summary>Whether requests really parted here.</summary>
    public bool IsBranch => ChildCount > 1;

    /// <summary>Holders of this prefix or of one that begins with it: sequence ids and host snapshots.</summary>
    public int Locks { get; set; }

    /// <summary>The sliding-window layers at this length; worth something only while somebody holds the prefix.</summary>
    public SequenceSnapshot? Checkpoint { get; set; }

    /// <summary>All layers at this length, in host memory; a holder.</summary>
    public SequenceSnapshot? Host { get; set; }

    /// <summary>When <see cref="Checkpoint"/> or <see cref="Host"/> was last made or used.</summary>
    public long LastUsed { get; set; }

    /// <summary>The match that last came by, and how far it agreed.</summary>
    public (long Match, int Depth) Mark { get; set; }

    /// <summary>Whether the tree has forgotten it.</summary>
    public bool IsRemoved { get; set; }

    public RadixNode? Child(int token) => _children is not null && _children.TryGetValue(token, out var child) ? child : null;

    public void SetChild(RadixNode child)
    {
        (_children ??= [])[child.Edge.Span[0]] = child;
        child.Parent = this;
    }

    public void RemoveChild(RadixNode child) => _children!.Remove(child.Edge.Span[0]);
}
