using System.Text.Unicode;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>
/// Tokens by their bytes: a tree in the order in which it is walked, each node with its byte, its depth, where its subtree ends, and what there is
/// in that.
/// </summary>
internal sealed class TokenTrie
{
    private readonly byte[] _labels;
    private readonly ushort[] _depths;
    private readonly int[] _ends;
    private readonly int[] _firsts;
    private readonly int[] _tokens;
    private readonly ushort[] _lengths;
    private readonly GroupSet[] _groups;
    private readonly GroupSet[] _below;
    private readonly ushort[] _longest;

    private TokenTrie(byte[] labels, ushort[] depths, int[] ends, int[] firsts, int[] tokens, ReadOnlyMemory<byte>[] pieces)
    {
        (_labels, _depths, _ends, _firsts, _tokens) = (labels, depths, ends, firsts, tokens);
        _lengths = Array.ConvertAll(pieces, piece => (ushort)Math.Min(ushort.MaxValue, Characters(piece.Span)));
        _groups = Array.ConvertAll(pieces, piece => GroupsOf(piece.Span));
        Depth = depths.Length == 0 ? 0 : depths.Max();
        (_below, _longest) = Summarize();
    }

    /// <summary>Bytes of the longest token.</summary>
    public int Depth { get; }

    /// <summary>Nodes; the first one's depth is 1, and there may be several of that depth.</summary>
    public int Count => _labels.Length;

    /// <summary>The byte that leads to each node.</summary>
    public ReadOnlySpan<byte> Labels => _labels;

    /// <summary>The depth of each node: the number of bytes that lead to it.</summary>
    public ReadOnlySpan<ushort> Depths => _depths;

    /// <summary>The node behind each node's subtree.</summary>
    public ReadOnlySpan<int> Ends => _ends;

    /// <summary>
    /// For each node, and for what is behind the last, the index in <see cref="Tokens"/> of the first token of its subtree; those that end at the
    /// node itself come first.
    /// </summary>
    public ReadOnlySpan<int> Firsts => _firsts;

    /// <summary>The tokens by their bytes.</summary>
    public ReadOnlySpan<int> Tokens => _tokens;

    /// <summary>The number of characters of each of <see cref="Tokens"/>.</summary>
    public ReadOnlySpan<ushort> Lengths => _lengths;

    /// <summary>The <see cref="ByteGroups"/> of each of <see cref="Tokens"/>; with <see cref="ByteGroups.Partial"/> where it is not of whole characters.</summary>
    public ReadOnlySpan<GroupSet> Groups => _groups;

    /// <summary>
    /// The <see cref="ByteGroups"/> of the characters below each node; with <see cref="ByteGroups.Partial"/> where the node is inside a character,
    /// or a token below it ends in one.
    /// </summary>
    public ReadOnlySpan<GroupSet> Below => _below;

    /// <summary>The most characters of a token of each node's subtree.</summary>
    public ReadOnlySpan<ushort> Longest => _longest;

    /// <summary>Whether a byte begins a character.</summary>
    public static bool Begins(byte value) => (value & 0xC0) != 0x80;

    /// <summary>Builds the tree of some tokens, none of whose pieces is empty.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="piece">The bytes of a token.</param>
    public static TokenTrie Build(int[] tokens, Func<int, ReadOnlyMemory<byte>> piece)
    {
        var pieces = Array.ConvertAll(tokens, token => piece(token));
        var keys = Array.ConvertAll(pieces, p => Key(p.Span));
        var order = new int[tokens.Length];
        for (var i = 0; i < order.Length; i++) order[i] = i;
        Array.Sort(keys, order); // by the first eight bytes, which tell most apart
        for (var first = 0; first < keys.Length;)
        {
            var end = first + 1;
            while (end < keys.Length && keys[end] == keys[first]) end++;
            if (end - first > 1) order.AsSpan(first, end - first).Sort((x, y) => Compare(pieces[x].Span, pieces[y].Span, tokens[x], tokens[y]));
            first = end;
        }

        var (labels, depths, ends, firsts) = (new List<byte>(), new List<ushort>(), new List<int>(), new List<int>());
        var path = new List<int>();
        var last = default(ReadOnlyMemory<byte>);
        for (var i = 0; i < order.Length; i++)
        {
            var bytes = pieces[order[i]].Span;
            var common = bytes.CommonPrefixLength(last.Span);
            if (common == bytes.Length) continue; // sorted, so it is spelled as the last one and ends at the same node
            for (var d = path.Count; d > common; d--) ends[path[d - 1]] = labels.Count;
            path.RemoveRange(common, path.Count - common);
            for (var d = common; d < bytes.Length; d++)
            {
                path.Add(labels.Count);
                labels.Add(bytes[d]);
                depths.Add((ushort)(d + 1));
                ends.Add(0);
                firsts.Add(i);
            }

            last = pieces[order[i]];
        }

        foreach (var node in path) ends[node] = labels.Count;
        firsts.Add(order.Length);
        return new(
            [.. labels], [.. depths], [.. ends], [.. firsts], Array.ConvertAll(order, i => tokens[i]), Array.ConvertAll(order, i => pieces[i]));
    }

    private (GroupSet[] Below, ushort[] Longest) Summarize()
    {
        var (below, longest) = (new GroupSet[Count], new ushort[Count]);

        // By depth: what is in the subtrees of the nodes that were passed last, and whether one of them is inside a character that begins above.
        var (groups, most, inside) = (new GroupSet[Depth + 2], new ushort[Depth + 2], new bool[Depth + 2]);
        for (var node = Count - 1; node >= 0; node--)
        {
            var depth = _depths[node];
            var (first, end, begins) = (_firsts[node], _firsts[node + 1], Begins(_labels[node]));
            below[node] = groups[depth + 1] | (inside[depth + 1] ? ByteGroups.Partial : default);
            longest[node] = Math.Max(most[depth + 1], end > first ? _lengths[first] : (ushort)0);

            groups[depth] |= groups[depth + 1] | (begins ? ByteGroups.Of(_labels[node]) : default);
            if (end > first) groups[depth] |= _groups[first] & ByteGroups.Partial;
            most[depth] = Math.Max(most[depth], longest[node]);
            inside[depth] |= !begins;
            (groups[depth + 1], most[depth + 1], inside[depth + 1]) = (default, 0, false);
        }

        return (below, longest);
    }

    private static int Characters(ReadOnlySpan<byte> piece)
    {
        var count = 0;
        foreach (var value in piece) count += Begins(value) ? 1 : 0;
        return count;
    }

    private static GroupSet GroupsOf(ReadOnlySpan<byte> piece)
    {
        var groups = Utf8.IsValid(piece) ? default : ByteGroups.Partial;
        foreach (var value in piece) groups |= Begins(value) ? ByteGroups.Of(value) : default;
        return groups;
    }

    /// <summary>Eight bytes, the first the most significant; shorter pieces come before their continuations or beside them.</summary>
    private static ulong Key(ReadOnlySpan<byte> piece)
    {
        var key = 0UL;
        for (var i = 0; i < 8; i++) key = (key << 8) | (i < piece.Length ? piece[i] : (byte)0);
        return key;
    }

    private static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right, int leftToken, int rightToken)
    {
        var order = left.SequenceCompareTo(right);
        return order != 0 ? order : leftToken.CompareTo(rightToken);
    }
}
