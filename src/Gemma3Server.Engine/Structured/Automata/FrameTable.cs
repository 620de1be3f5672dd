using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>The frames of a grammar's states, each once. Not thread-safe.</summary>
internal sealed class FrameTable : IEqualityComparer<Continuation[]>
{
    private readonly Dictionary<Continuation[], Frame> _known;
    private int _ids; // never given twice, so that frames from before a clearing stay apart from new ones

    public FrameTable() => _known = new(this);

    /// <summary>The frame with these continuations, in any order and any number of times, and what memory it has taken when it is new.</summary>
    public Frame Get(ReadOnlySpan<Continuation> continuations, out long bytes)
    {
        var array = continuations.ToArray();
        if (array.Length > 1)
        {
            Array.Sort(array);
            var count = 1;
            foreach (var continuation in array)
            {
                if (continuation != array[count - 1]) array[count++] = continuation;
            }

            Array.Resize(ref array, count);
        }

        bytes = 0;
        if (_known.TryGetValue(array, out var frame)) return frame;
        frame = new(_ids++, array);
        _known.Add(array, frame);
        bytes = 120 + (16L * array.Length);
        return frame;
    }

    /// <summary>
    /// The frame before which the same tokens may follow, though perhaps not the end, and in which counters further than <paramref name="lookahead"/> from their bounds stand at a common value. Every repetition takes
    /// a byte at least, so that no counter moves further than that in a token.
    /// </summary>
    public Frame Horizon(Frame frame, GrammarNetwork network, int lookahead)
    {
        if (frame.Horizon is { } known) return known;

        // A stack may be as deep as the text is nested: from its bottom up, without recursion.
        var work = new Stack<Frame>([frame]);
        while (work.TryPeek(out var top))
        {
            var waits = false;
            foreach (var continuation in top.Continuations)
            {
                if (continuation.Frame is not { Horizon: null } below) continue;
                work.Push(below);
                waits = true;
            }

            if (waits) continue;
            work.Pop();
            var common = Array.ConvertAll(top.Continuations, c => new Continuation(c.Node, Count(c, network, lookahead), c.Frame?.Horizon));
            top.Horizon = common.AsSpan().SequenceEqual(top.Continuations) ? top : Get(common, out _);
            top.Horizon.Horizon ??= top.Horizon;
        }

        return frame.Horizon!;
    }

    public void Clear() => _known.Clear();

    private static int Count(in Continuation continuation, GrammarNetwork network, int lookahead)
    {
        ref readonly var node = ref network[continuation.Node];
        var count = continuation.Count;
        if (node.Kind != GrammarNodeKind.Repeat || node.Max - (long)count <= lookahead) return count;
        if (count >= node.Min) return node.Min;
        // Not where the least is near the most, which then would seem as near.
        if (node.Max - (long)node.Min > lookahead && IsLast(continuation, node)) return node.Min;
        return (long)node.Min - count > lookahead ? 0 : count;
    }

    /// <summary>Whether nothing but the end of the text follows a repetition, so that its lower bound matters for no token.</summary>
    private static bool IsLast(in Continuation continuation, in GrammarNode repeat) =>
        repeat.Next == GrammarBuilder.Return && Array.TrueForAll(continuation.Frame!.Continuations, below => below.Frame is null);

    bool IEqualityComparer<Continuation[]>.Equals(Continuation[]? x, Continuation[]? y) => x.AsSpan().SequenceEqual(y);

    int IEqualityComparer<Continuation[]>.GetHashCode([DisallowNull] Continuation[] obj)
    {
        var hash = 17;
        foreach (var (node, count, frame) in obj)
            hash = (hash * 486_187_739) + (node * 16_777_619) + (count * 31) + RuntimeHelpers.GetHashCode(frame);
        return hash;
    }
}
