using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>The states of one grammar, made when somebody first comes to them and shared by all who match it.</summary>
/// <remarks>
/// <para>Thread-safe: what is known is read without a lock, what is new is made under one. When the states have grown beyond their bound all are
/// forgotten; whoever stands in one goes on from there, and those that are needed are made again.</para>
/// <para>A step takes every item over its byte, follows what needs no byte, and gathers the calls of each rule, which share one frame. Rules
/// are entered in their order, callers first, so that a frame is complete before its rule begins. A rule that may be empty is passed
/// by as well as entered, and its end does not count until it has taken a byte.</para>
/// </remarks>
internal sealed class GrammarStates
{
    /// <summary>
    /// Nodes and continuations of one step beyond which a grammar is too ambiguous to be followed at the pace of a model, some ms; what leads
    /// there counts as a dead end.
    /// </summary>
    private const int MostEffort = 50_000;

    private readonly Lock _lock = new();
    private readonly long _mostBytes;
    private readonly int _lookahead;
    private readonly HashSet<GrammarState> _known = new(StateComparer.Instance);
    private readonly FrameTable _frames = new();

    // Work space of a step.
    private readonly List<StateItem> _items = [];
    private readonly (int Step, Frame? Frame)[] _first; // the first visit of each node, twice: only ambiguous grammars come back with other frames
    private readonly HashSet<(int Node, Frame Frame, bool Fresh)> _visited = [];
    private readonly Stack<(int Node, Frame Frame, bool Fresh)> _work = new();
    private readonly Dictionary<int, List<Continuation>> _calls = [];
    private readonly PriorityQueue<int, int> _called = new();
    private int _step;
    private bool _accepts;
    private int _effort;
    private long _bytes;
    private long _workDone;

    /// <param name="network">The grammar.</param>
    /// <param name="lookahead">Most bytes of a token.</param>
    /// <param name="mostBytes">Memory that states may take before they are forgotten.</param>
    public GrammarStates(GrammarNetwork network, int lookahead, long mostBytes)
    {
        Network = network;
        ClassOf = [.. Enumerable.Range(0, 256).Select(value => (byte)network.ClassOf((byte)value))];
        _first = new (int, Frame?)[2 * network.NodeCount];
        _lookahead = lookahead;
        _mostBytes = mostBytes;
        Dead = new(this, [], accepts: false, default);
        Dead.Horizon = Dead;
        lock (_lock)
        {
            Begin();
            var bottom = new Continuation(GrammarBuilder.Accept, 0, null);
            AddCall(network.Root, bottom);
            if (network.Nullable[network.Root]) _accepts = true;
            Start = Finish();
        }

        if (Start.IsDead) throw new GrammarException("The grammar is too ambiguous to be followed.");
    }

    public GrammarNetwork Network { get; }

    /// <summary>The class of each byte.</summary>
    public byte[] ClassOf { get; }

    /// <summary>Before the first byte.</summary>
    public GrammarState Start { get; }

    /// <summary>Behind a byte that may not be.</summary>
    public GrammarState Dead { get; }

    /// <summary>Estimated size in memory, masks included.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>A measure of the work that making states has been: nodes and continuations that were visited.</summary>
    public long Work => Volatile.Read(ref _workDone);

    /// <summary>The state behind a byte of a class.</summary>
    public GrammarState Compute(GrammarState state, int byteClass)
    {
        lock (_lock)
        {
            if (!state.Classes.Contains(byteClass))
            {
                state.Remember(byteClass, Dead);
                return Dead;
            }

            Begin();
            foreach (var (id, frame) in state.Items)
            {
                ref readonly var node = ref Network[id];
                if (Network.Classes(node).Contains(byteClass)) Visit(node.Next, frame, fresh: false);
            }

            var next = Finish();
            state.Remember(byteClass, next);
            Volatile.Write(ref _workDone, _workDone + _effort + 1);
            Charge(0);
            return next;
        }
    }

    /// <summary>
    /// The state in which counters that no token can bring to a bound stand at a value that says just that: what may follow within a token
    /// is the same.
    /// </summary>
    public GrammarState FindHorizon(GrammarState state)
    {
        lock (_lock)
        {
            var items = Array.ConvertAll(state.Items, item => item with { Frame = _frames.Horizon(item.Frame, Network, _lookahead) });
            var horizon = state;
            if (!items.AsSpan().SequenceEqual(state.Items))
            {
                _items.Clear();
                _items.AddRange(items);
                _accepts = state.Accepts;
                horizon = Intern();
                horizon.Horizon = horizon;
            }

            return state.Horizon = horizon;
        }
    }

    /// <summary>Counts memory that a state has taken.</summary>
    public void Charge(long bytes)
    {
        lock (_lock)
        {
            _bytes += bytes;
            if (_bytes < _mostBytes) return;
            foreach (var state in _known) state.Forget();
            _known.Clear();
            _frames.Clear();
            _bytes = 0;
        }
    }

    private void Begin()
    {
        _items.Clear();
        _visited.Clear();
        _step++;
        (_accepts, _effort) = (false, 0);
    }

    private GrammarState Finish()
    {
        Run();
        while (_called.TryDequeue(out var rule, out _))
        {
            var continuations = _calls[rule];
            var frame = _frames.Get(CollectionsMarshal.AsSpan(continuations), out var bytes);
            _bytes += bytes;
            continuations.Clear();
            Visit(Network.Starts[rule], frame, fresh: true);
            Run();
        }

        return _effort > MostEffort ? Dead : Intern();
    }

    private void Run()
    {
        while (_work.TryPop(out var at))
        {
            var (id, frame, fresh) = at;
            ref readonly var node = ref Network[id];
            switch (node.Kind)
            {
                case GrammarNodeKind.Match:
                    _items.Add(new(id, frame));
                    break;
                case GrammarNodeKind.Split:
                    foreach (var target in Network.Targets(node)) Visit(target, frame, fresh);
                    break;
                case GrammarNodeKind.Call:
                    if (node.Next != GrammarBuilder.Return) AddCall(node.Operand, new(id, 0, frame));
                    else foreach (var continuation in frame.Continuations) AddCall(node.Operand, continuation);
                    if (Network.Nullable[node.Operand]) Visit(node.Next, frame, fresh);
                    break;
                case GrammarNodeKind.Repeat:
                    Repeat(id, 0, frame, fresh);
                    break;
                case GrammarNodeKind.Return when !fresh:
                    foreach (var (back, count, below) in frame.Continuations) Resume(back, count, below);
                    break;
            }
        }
    }

    private void Resume(int id, int count, Frame? frame)
    {
        if (frame is null) _accepts = true;
        else if (Network[id].Kind == GrammarNodeKind.Repeat) Repeat(id, count, frame, fresh: false);
        else Visit(Network[id].Next, frame, fresh: false);
    }

    private void Repeat(int id, int count, Frame frame, bool fresh)
    {
        ref readonly var node = ref Network[id];
        if (count < node.Max && Network.IsLive(Network.Starts[node.Operand]))
        {
            // Without an upper bound nothing beyond the lower one has to be counted.
            AddCall(node.Operand, new(id, node.Max == GrammarNode.Unbounded ? Math.Min(count + 1, node.Min) : count + 1, frame));
        }

        if (count >= node.Min) Visit(node.Next, frame, fresh);
    }

    private void Visit(int node, Frame frame, bool fresh)
    {
        if (_effort > MostEffort || !Network.IsLive(node)) return;
        ref var first = ref _first[(2 * node) + (fresh ? 1 : 0)];
        if (first.Step != _step) first = (_step, frame);
        else if (first.Frame == frame || !_visited.Add((node, frame, fresh))) return;
        _effort++;
        _work.Push((node, frame, fresh));
    }

    private void AddCall(int rule, Continuation continuation)
    {
        if (!_calls.TryGetValue(rule, out var continuations)) _calls[rule] = continuations = [];
        _effort++;
        if (continuations.Count == 0) _called.Enqueue(rule, Network.Order[rule]);
        continuations.Add(continuation);
    }

    private GrammarState Intern()
    {
        if (_items.Count == 0 && !_accepts) return Dead;
        _items.Sort();
        var items = _items.ToArray();
        var count = 0;
        foreach (var item in items)
        {
            if (count == 0 || item != items[count - 1]) items[count++] = item;
        }

        Array.Resize(ref items, count);
        var classes = default(ByteSet);
        foreach (var item in items) classes |= Network.Classes(Network[item.Node]);
        var state = new GrammarState(this, items, _accepts, classes);
        if (_known.TryGetValue(state, out var known)) return known;
        _known.Add(state);
        _bytes += 200 + (16L * items.Length) + (8L * Network.ClassCount);
        return state;
    }
}
