namespace Gemma3Server.Engine.Caching;

/// <summary>Prefixes of token lists, shared ones stored once. It knows tokens and locks, and nothing of KV.</summary>
/// <remarks>
/// A lock says that somebody holds a prefix; it counts at every node of the path, so that a node tells at once how many hold it. What is
/// not locked stays until <see cref="Evict"/>: the tree then still knows what had been there.
/// </remarks>
/// <param name="onUnlocked">Called for every node whose last lock has gone.</param>
internal sealed class RadixTree(Action<RadixNode>? onUnlocked = null)
{
    private long _matches;
    private RadixNode? _matched;

    public RadixNode Root { get; } = new(null, default);

    /// <summary>Tokens of all edges.</summary>
    public long Tokens { get; private set; }

    /// <summary>Nodes, the root aside.</summary>
    public int Nodes { get; private set; }

    /// <summary>How many of <paramref name="tokens"/> lead along a path of the tree; <see cref="Shared"/> then speaks of that path.</summary>
    public int Match(ReadOnlySpan<int> tokens)
    {
        var match = ++_matches;
        var node = Root;
        node.Mark = (match, 0);
        var depth = 0;
        while (depth == node.End && depth < tokens.Length && node.Child(tokens[depth]) is { } child)
        {
            depth += child.Edge.Span.CommonPrefixLength(tokens[depth..]);
            child.Mark = (match, depth);
            node = child;
        }

        _matched = node;
        return depth;
    }

    /// <summary>How many tokens the last match shares with the prefix of <paramref name="node"/>.</summary>
    public int Shared(RadixNode node)
    {
        while (node.Mark.Match != _matches) node = node.Parent!;
        return Math.Min(node.Mark.Depth, node.End);
    }

    /// <summary>The deepest node of the last match that agreed wholly and is no deeper than <paramref name="depth"/>.</summary>
    public RadixNode Deepest(int depth)
    {
        var node = _matched ?? Root;
        while (node.End > depth || node.End > node.Mark.Depth) node = node.Parent!;
        return node;
    }

    /// <summary>The node of exactly this prefix, made if need be. It is to be locked at once, or evicted some time.</summary>
    public RadixNode Insert(ReadOnlySpan<int> tokens)
    {
        var depth = Match(tokens);
        var node = _matched!;
        if (depth < node.End) node = Split(node, depth);
        if (depth == tokens.Length) return node;
        var leaf = new RadixNode(node, tokens[depth..].ToArray());
        node.SetChild(leaf);
        Tokens += leaf.Edge.Length;
        Nodes++;
        return leaf;
    }

    /// <summary>Somebody holds the prefix.</summary>
    public static void Lock(RadixNode node)
    {
        for (var at = node; at is not null; at = at.Parent) at.Locks++;
    }

    /// <summary>Somebody holds it no more.</summary>
    public void Unlock(RadixNode node)
    {
        for (var at = node; at is not null; at = at.Parent)
        {
            if (--at.Locks == 0) onUnlocked?.Invoke(at);
        }
    }

    /// <summary>
    /// Forgets a prefix that nobody holds, and what leads to it alone. False when it is locked or goes on: then it is not to be forgotten yet.
    /// </summary>
    public bool Evict(RadixNode node)
    {
        if (node.Locks > 0 || node.ChildCount > 0 || node.IsRemoved || node == Root) return false;
        while (node != Root && node.Locks == 0 && node.ChildCount == 0)
        {
            var parent = node.Parent!;
            parent.RemoveChild(node);
            node.IsRemoved = true;
            Tokens -= node.Edge.Length;
            Nodes--;
            node = parent;
        }

        _matched = null;
        _matches++;
        Root.Mark = (_matches, 0);
        if (node != Root) Merge(node);
        return true;
    }

    /// <summary>Throws when an edge, a length or a lock is wrong; <paramref name="locks"/> = nodes that are locked, as often as they are.</summary>
    public void CheckIntegrity(IEnumerable<RadixNode> locks)
    {
        var own = locks.GroupBy(n => n).ToDictionary(g => g.Key, g => g.Count());
        long tokens = 0;
        var nodes = 0;
        Check(Root);
        Assert(own.Count == 0, "a locked node stands in the tree");
        Assert(tokens == Tokens && nodes == Nodes, "tokens and nodes add up");

        void Check(RadixNode node)
        {
            own.Remove(node, out var expected);
            foreach (var child in node.Children)
            {
                tokens += child.Edge.Length;
                nodes++;
                expected += child.Locks;
                Assert(child.Parent == node && !child.IsRemoved, "a child knows its parent");
                Assert(child.Edge.Length > 0 && child.End == node.End + child.Edge.Length, "a child goes on where its parent ends");
                Assert(node.Child(child.Edge.Span[0]) == child, "a child is found by its first token");
                Check(child);
            }

            Assert(node.Locks == expected, "locks add up");
            Assert(node.Host is null || node.Locks > 0, "a host snapshot is a holder");
            Assert(node.Checkpoint is null || node.Locks > 0, "a checkpoint stands only where somebody holds the prefix");
        }
    }

    private static void Assert(bool condition, string rule)
    {
        if (!condition) throw new InvalidOperationException($"Radix tree integrity: violated rule: {rule}.");
    }

    /// <summary>Makes a node at <paramref name="depth"/> of the node's edge; the node itself keeps its prefix, its locks and what is at it.</summary>
    private RadixNode Split(RadixNode node, int depth)
    {
        var at = depth - node.Start;
        var parent = node.Parent!;
        var upper = new RadixNode(parent, node.Edge[..at]) { Locks = node.Locks, Mark = (node.Mark.Match, Math.Min(node.Mark.Depth, depth)) };
        parent.SetChild(upper);
        if (node.Mark.Depth <= depth) node.Mark = default;
        node.Edge = node.Edge[at..];
        upper.SetChild(node);
        if (_matched == node && node.Mark == default) _matched = upper;
        Nodes++;
        return upper;
    }

    /// <summary>Joins a node that is no end, holds nothing and has one child with that child.</summary>
    private void Merge(RadixNode node)
    {
        if (node.ChildCount != 1 || node.Checkpoint is not null) return;
        var child = node.Children.First();
        if (child.Locks != node.Locks) return;
        var edge = new int[node.Edge.Length + child.Edge.Length];
        node.Edge.CopyTo(edge);
        child.Edge.CopyTo(edge.AsMemory(node.Edge.Length));
        child.Edge = edge;
        node.Parent!.SetChild(child);
        node.IsRemoved = true;
        Nodes--;
    }
}
