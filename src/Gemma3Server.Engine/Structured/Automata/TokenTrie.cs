namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>Tokens by their bytes: a tree in the order in which it is walked, each node with its byte, its depth and where its subtree ends.</summary>
internal sealed class TokenTrie
{
    /// <summary>No token ends at a node.</summary>
    public const int None = -1;

    private readonly byte[] _labels;
    private readonly ushort[] _depths;
    private readonly int[] _ends;
    private readonly int[] _tokens;
    private readonly int[] _twins;

    private TokenTrie(byte[] labels, ushort[] depths, int[] ends, int[] tokens, int[] twins, int depth)
    {
        (_labels, _depths, _ends, _tokens, _twins) = (labels, depths, ends, tokens, twins);
        Depth = depth;
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

    /// <summary>The token that ends at each node, or <see cref="None"/>.</summary>
    public ReadOnlySpan<int> Tokens => _tokens;

    /// <summary>The next token with the same bytes as a token, or <see cref="None"/>.</summary>
    public int Twin(int token) => _twins.Length == 0 ? None : _twins[token];

    /// <summary>Builds the tree of some tokens, none of whose pieces is empty.</summary>
    /// <param name="tokens">The tokens; reordered.</param>
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

        var (labels, depths, ends, ids) = (new List<byte>(), new List<ushort>(), new List<int>(), new List<int>());
        var twins = Array.Empty<int>();
        var path = new List<int>();
        var last = default(ReadOnlyMemory<byte>);
        foreach (var index in order)
        {
            var bytes = pieces[index].Span;
            var common = bytes.CommonPrefixLength(last.Span);
            if (common == bytes.Length)
            {
                // Sorted, so it is the last one's twin.
                if (twins.Length == 0) Array.Fill(twins = new int[tokens.Max() + 1], None);
                twins[tokens[index]] = ids[^1];
                ids[^1] = tokens[index];
                continue;
            }

            for (var d = path.Count; d > common; d--) ends[path[d - 1]] = labels.Count;
            path.RemoveRange(common, path.Count - common);
            for (var d = common; d < bytes.Length; d++)
            {
                path.Add(labels.Count);
                labels.Add(bytes[d]);
                depths.Add((ushort)(d + 1));
                ends.Add(0);
                ids.Add(None);
            }

            ids[^1] = tokens[index];
            last = pieces[index];
        }

        foreach (var node in path) ends[node] = labels.Count;
        return new([.. labels], [.. depths], [.. ends], [.. ids], twins, depths.Count == 0 ? 0 : depths.Max());
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
