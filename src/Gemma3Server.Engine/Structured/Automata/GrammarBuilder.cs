using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// Builds the network of a grammar from its end: every method takes the node that follows and returns the node to begin at. Equal nodes are
/// made once, so that whatever ends alike shares its end.
/// </summary>
internal sealed class GrammarBuilder(CancellationToken cancellationToken = default)
{
    /// <summary>The end of a rule.</summary>
    public const int Return = 0;

    /// <summary>The end of the text.</summary>
    public const int Accept = 1;

    /// <summary>Nothing can follow.</summary>
    public const int Dead = 2;

    /// <summary>Some 30 MB; a schema of 200 fields has a few thousand.</summary>
    private const int MostNodes = 500_000;

    private readonly List<GrammarNode> _nodes = [new(GrammarNodeKind.Return), new(GrammarNodeKind.Accept), new(GrammarNodeKind.Split)];
    private readonly List<int> _targets = [];
    private readonly List<ByteSet> _sets = [];
    private readonly List<int> _starts = [];
    private readonly List<string?> _names = [];
    private readonly Dictionary<ByteSet, int> _setIds = [];
    private readonly Dictionary<GrammarNode, int> _known = [];
    private readonly Dictionary<string, int> _knownSplits = [];

    /// <summary>Takes one byte of a set.</summary>
    public int Bytes(ByteSet set, int next)
    {
        if (set.IsEmpty || next == Dead) return Dead;
        ref var id = ref CollectionsMarshal.GetValueRefOrAddDefault(_setIds, set, out var known);
        if (!known)
        {
            id = _sets.Count;
            _sets.Add(set);
        }

        return Shared(new(GrammarNodeKind.Match, next, id));
    }

    /// <summary>Takes these bytes in a row.</summary>
    public int Literal(ReadOnlySpan<byte> bytes, int next)
    {
        for (var i = bytes.Length - 1; i >= 0; i--) next = Bytes(ByteSet.Of(bytes[i]), next);
        return next;
    }

    /// <summary>Goes on at any of the targets.</summary>
    public int Split(params ReadOnlySpan<int> targets)
    {
        var merged = Merge(targets);
        return merged.Count switch
        {
            0 => Dead,
            1 => merged[0],
            _ => SharedSplit(merged),
        };
    }

    /// <summary>A node that <see cref="Define"/> makes go on at several targets: for loops.</summary>
    public int Reserve() => Add(new(GrammarNodeKind.Split));

    /// <summary>Gives a reserved node its targets.</summary>
    public void Define(int reserved, params ReadOnlySpan<int> targets) => _nodes[reserved] = SplitNode(Merge(targets));

    /// <summary>A rule, to be defined later.</summary>
    public int DeclareRule(string? name = null)
    {
        _starts.Add(Dead);
        _names.Add(name);
        return _starts.Count - 1;
    }

    /// <summary>Gives a rule its beginning; its end is <see cref="Return"/>.</summary>
    public void DefineRule(int rule, int start) => _starts[rule] = start;

    /// <summary>Takes a rule.</summary>
    public int Call(int rule, int next) => next == Dead ? Dead : Shared(new(GrammarNodeKind.Call, next, rule));

    /// <summary>Takes a rule a number of times.</summary>
    public int Repeat(int rule, int min, int max, int next)
    {
        if (max == 0 || next == Dead) return next;
        return max == 1 && min == 1 ? Call(rule, next) : Shared(new(GrammarNodeKind.Repeat, next, rule, min, max));
    }

    /// <summary>The grammar whose text is one <paramref name="root"/>.</summary>
    public GrammarNetwork Build(int root)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return new([.. _nodes], [.. _targets], [.. _sets], [.. _starts], [.. _names], root);
    }

    private List<int> Merge(ReadOnlySpan<int> targets)
    {
        // Bytes that lead to the same node are one set.
        var merged = new List<int>(targets.Length);
        var seen = new HashSet<int>(targets.Length) { Dead };
        foreach (var target in targets)
        {
            if (!seen.Add(target)) continue;
            var node = _nodes[target];
            var same = node.Kind == GrammarNodeKind.Match && merged.Count < 64
                ? merged.FindIndex(m => _nodes[m].Kind == GrammarNodeKind.Match && _nodes[m].Next == node.Next)
                : -1;
            if (same < 0) merged.Add(target);
            else merged[same] = Bytes(_sets[_nodes[merged[same]].Operand] | _sets[node.Operand], node.Next);
        }

        return merged;
    }

    private int SharedSplit(List<int> targets)
    {
        var key = string.Join(',', targets);
        if (!_knownSplits.TryGetValue(key, out var id)) _knownSplits[key] = id = Add(SplitNode(targets));
        return id;
    }

    private GrammarNode SplitNode(List<int> targets)
    {
        var first = _targets.Count;
        _targets.AddRange(targets);
        return new(GrammarNodeKind.Split, first, targets.Count);
    }

    private int Shared(GrammarNode node)
    {
        ref var id = ref CollectionsMarshal.GetValueRefOrAddDefault(_known, node, out var known);
        if (known) return id;
        return id = Add(node);
    }

    private int Add(GrammarNode node)
    {
        if (_nodes.Count >= MostNodes) throw new GrammarException($"The grammar is too large: it needs more than {MostNodes} states.");
        if ((_nodes.Count & 1023) == 0) cancellationToken.ThrowIfCancellationRequested();
        _nodes.Add(node);
        return _nodes.Count - 1;
    }
}
