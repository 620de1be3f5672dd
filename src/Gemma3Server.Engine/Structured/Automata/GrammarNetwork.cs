namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>A finished grammar: a network of nodes for each rule. Immutable.</summary>
/// <remarks>
/// What it promises to whoever runs it: from every live node the end of its rule can be reached, no rule begins with itself, and repetitions
/// of a rule that may be empty have no least number (nothing repeated is nothing).
/// </remarks>
internal sealed class GrammarNetwork
{
    private readonly GrammarNode[] _nodes;
    private readonly int[] _targets;
    private readonly ByteSet[] _classSets;
    private readonly bool[] _live;
    private readonly int[] _onlyBytes;
    private readonly byte[] _classOf = new byte[256];

    public GrammarNetwork(GrammarNode[] nodes, int[] targets, ByteSet[] sets, int[] starts, string?[] names, int root)
    {
        _nodes = nodes;
        _targets = targets;
        Root = root;
        Starts = starts;
        ClassCount = Classify(sets);
        _classSets = Array.ConvertAll(sets, ToClasses);
        _onlyBytes = new int[ClassCount];
        Array.Fill(_onlyBytes, -1);
        var members = new int[ClassCount];
        for (var b = 0; b < 256; b++) _onlyBytes[_classOf[b]] = members[_classOf[b]]++ == 0 ? b : -1;
        _live = RuleAnalysis.Live(this);
        if (!_live[starts[root]]) throw new GrammarException("The grammar has no finite text: nothing can satisfy it.");
        Nullable = RuleAnalysis.Nullable(this);
        for (var i = 0; i < nodes.Length; i++)
        {
            if (nodes[i].Kind == GrammarNodeKind.Repeat && Nullable[nodes[i].Operand]) nodes[i] = nodes[i] with { Min = 0 };
        }

        Order = RuleAnalysis.Order(this, names);
    }

    /// <summary>The rule that is the whole text.</summary>
    public int Root { get; }

    /// <summary>The first node of every rule.</summary>
    public int[] Starts { get; }

    /// <summary>Whether a rule may be empty.</summary>
    public bool[] Nullable { get; }

    /// <summary>A rank for each rule, larger than those of all rules that can begin with it.</summary>
    public int[] Order { get; }

    /// <summary>Classes of bytes which no rule tells apart.</summary>
    public int ClassCount { get; }

    public int NodeCount => _nodes.Length;

    public ref readonly GrammarNode this[int node] => ref _nodes[node];

    /// <summary>The classes that a Match node takes.</summary>
    public ByteSet Classes(in GrammarNode match) => _classSets[match.Operand];

    public ReadOnlySpan<int> Targets(in GrammarNode split) => _targets.AsSpan(split.Next, split.Operand);

    /// <summary>Whether the end of its rule can be reached from a node.</summary>
    public bool IsLive(int node) => _live[node];

    /// <summary>The one byte of a class, or <see langword="null"/> when it has several.</summary>
    public byte? OnlyByte(int byteClass) => _onlyBytes[byteClass] >= 0 ? (byte)_onlyBytes[byteClass] : null;

    public int ClassOf(byte value) => _classOf[value];

    /// <summary>Estimated size in memory.</summary>
    public long Bytes => (_nodes.Length * 25L) + (_targets.Length * 4L) + (_classSets.Length * 32L) + (Starts.Length * 16L) + 1024;

    private int Classify(ByteSet[] sets)
    {
        // Refines one class by set after set: two bytes stay together as long as every set has both or neither.
        var count = 1;
        var split = new int[256];
        Span<int> outside = stackalloc int[256];
        foreach (var set in sets)
        {
            Array.Fill(split, -1);
            outside.Clear();
            for (var b = 0; b < 256; b++)
            {
                if (!set.Contains(b)) outside[_classOf[b]]++;
            }

            for (var b = 0; b < 256; b++)
            {
                var old = _classOf[b];
                if (!set.Contains(b) || outside[old] == 0) continue; // a class that lies in the set as a whole stays as it is
                if (split[old] < 0) split[old] = count++;
                _classOf[b] = (byte)split[old];
            }
        }

        return count;
    }

    private ByteSet ToClasses(ByteSet bytes)
    {
        var classes = default(ByteSet);
        for (var b = 0; b < 256; b++)
        {
            if (bytes.Contains(b)) classes |= ByteSet.Of(_classOf[b]);
        }

        return classes;
    }
}
