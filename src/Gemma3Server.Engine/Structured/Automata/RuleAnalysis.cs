namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>What has to be known of the rules of a network before it can run. Nothing here recurses.</summary>
internal static class RuleAnalysis
{
    /// <summary>The nodes from which the end of their rule can be reached, through rules that have an end.</summary>
    public static bool[] Live(GrammarNetwork network)
    {
        var live = new bool[network.NodeCount];
        var (from, offsets) = Predecessors(network);
        var work = new Stack<int>();
        Mark(GrammarBuilder.Return);
        Mark(GrammarBuilder.Accept);
        while (work.TryPop(out var node))
        {
            foreach (var before in from.AsSpan(offsets[node]..offsets[node + 1]))
            {
                if (IsLive(network[before])) Mark(before);
            }
        }

        return live;

        void Mark(int node)
        {
            if (live[node]) return;
            live[node] = true;
            work.Push(node);
        }

        bool IsLive(in GrammarNode node) => node.Kind switch
        {
            GrammarNodeKind.Split => true, // one of its targets is
            GrammarNodeKind.Call => live[node.Next] && live[network.Starts[node.Operand]],
            GrammarNodeKind.Repeat => live[node.Next] && (node.Min == 0 || live[network.Starts[node.Operand]]),
            _ => live[node.Next],
        };
    }

    /// <summary>The rules whose end can be reached without a byte.</summary>
    public static bool[] Nullable(GrammarNetwork network)
    {
        var empty = new bool[network.NodeCount]; // nodes from which it can
        var nullable = new bool[network.Starts.Length];
        var (from, offsets) = Predecessors(network);
        var work = new Stack<int>();
        Mark(GrammarBuilder.Return);
        while (work.TryPop(out var node))
        {
            foreach (var before in from.AsSpan(offsets[node]..offsets[node + 1]))
            {
                if (IsEmpty(network[before])) Mark(before);
            }
        }

        for (var rule = 0; rule < nullable.Length; rule++) nullable[rule] = empty[network.Starts[rule]];
        return nullable;

        void Mark(int node)
        {
            if (empty[node]) return;
            empty[node] = true;
            work.Push(node);
        }

        bool IsEmpty(in GrammarNode node) => node.Kind switch
        {
            GrammarNodeKind.Split => true,
            GrammarNodeKind.Call => empty[node.Next] && empty[network.Starts[node.Operand]],
            GrammarNodeKind.Repeat => empty[node.Next] && (node.Min == 0 || empty[network.Starts[node.Operand]]),
            _ => false,
        };
    }

    /// <summary>Ranks the rules so that each comes before those it can begin with; a rule that can begin with itself is refused.</summary>
    public static int[] Order(GrammarNetwork network, string?[] names)
    {
        var begins = new List<int>[network.Starts.Length];
        var visited = new int[network.NodeCount];
        for (var rule = 0; rule < begins.Length; rule++) begins[rule] = Beginnings(network, rule, visited);

        var callers = new int[begins.Length];
        foreach (var called in begins)
        {
            foreach (var rule in called) callers[rule]++;
        }

        var ready = new Queue<int>(Enumerable.Range(0, begins.Length).Where(rule => callers[rule] == 0));
        var order = new int[begins.Length];
        var rank = 0;
        while (ready.TryDequeue(out var rule))
        {
            order[rule] = rank++;
            foreach (var called in begins[rule])
            {
                if (--callers[called] == 0) ready.Enqueue(called);
            }
        }

        if (rank == begins.Length) return order;
        var name = Enumerable.Range(0, begins.Length).Where(rule => callers[rule] > 0).Select(rule => names[rule]).FirstOrDefault(n => n is not null);
        throw new GrammarException(name is null
            ? "The grammar is left-recursive: a part of it begins with itself."
            : $"The grammar is left-recursive: the rule '{name}' can begin with itself.");
    }

    private static List<int> Beginnings(GrammarNetwork network, int rule, int[] visited)
    {
        var called = new HashSet<int>();
        var mark = rule + 1;
        var work = new Stack<int>([network.Starts[rule]]);
        while (work.TryPop(out var at))
        {
            if (visited[at] == mark || !network.IsLive(at)) continue;
            visited[at] = mark;
            ref readonly var node = ref network[at];
            switch (node.Kind)
            {
                case GrammarNodeKind.Split:
                    foreach (var target in network.Targets(node)) work.Push(target);
                    break;
                case GrammarNodeKind.Call:
                    called.Add(node.Operand);
                    if (network.Nullable[node.Operand]) work.Push(node.Next);
                    break;
                case GrammarNodeKind.Repeat:
                    called.Add(node.Operand);
                    if (node.Min == 0) work.Push(node.Next);
                    break;
            }
        }

        return [.. called];
    }

    /// <summary>For each node those whose liveness or emptiness may follow from its own, packed.</summary>
    private static (int[] From, int[] Offsets) Predecessors(GrammarNetwork network)
    {
        // A call depends on what follows and on the rule's start.
        var offsets = new int[network.NodeCount + 1];
        ForEachEdge((_, to) => offsets[to + 1]++);
        for (var i = 0; i < network.NodeCount; i++) offsets[i + 1] += offsets[i];
        var from = new int[offsets[^1]];
        var next = offsets.AsSpan(0, network.NodeCount).ToArray();
        ForEachEdge((before, to) => from[next[to]++] = before);
        return (from, offsets);

        void ForEachEdge(Action<int, int> edge)
        {
            for (var i = 0; i < network.NodeCount; i++)
            {
                ref readonly var node = ref network[i];
                switch (node.Kind)
                {
                    case GrammarNodeKind.Match:
                        edge(i, node.Next);
                        break;
                    case GrammarNodeKind.Split:
                        foreach (var target in network.Targets(node)) edge(i, target);
                        break;
                    case GrammarNodeKind.Call or GrammarNodeKind.Repeat:
                        edge(i, node.Next);
                        edge(i, network.Starts[node.Operand]);
                        break;
                }
            }
        }
    }
}
