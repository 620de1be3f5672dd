namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>
/// Grows a list of pieces that a SentencePiece BPE tokenizer can really build. Such a tokenizer always merges the neighbours whose union
/// ranks first; so a text that the pieces so far cut into exactly two becomes, ranked behind them, a piece of its own that is always reached.
/// </summary>
internal sealed class PieceLearner
{
    private const int LongestText = 64;
    private readonly Dictionary<string, int> _ranks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly List<string> _pieces;
    private readonly int _capacity;

    public PieceLearner(int capacity)
    {
        _capacity = capacity;
        _pieces = new List<string>(capacity);
        _lookup = _ranks.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public IReadOnlyList<string> Pieces => _pieces;

    public bool IsFull => _pieces.Count >= _capacity;

    /// <summary>Makes <paramref name="text"/> one piece, adding the intermediate pieces that lead to it.</summary>
    public void Learn(ReadOnlySpan<char> text)
    {
        if (text.Length > LongestText)
            throw new ArgumentException($"A text of {text.Length} characters is longer than {LongestText}.", nameof(text));
        Span<int> starts = stackalloc int[LongestText + 1];
        while (!IsFull && Segment(text, starts) > 1)
        {
            var piece = text[..starts[2]].ToString();
            _ranks.Add(piece, _pieces.Count);
            _pieces.Add(piece);
        }
    }

    /// <summary>Cuts a text as the tokenizer does; <paramref name="starts"/> gets the start of every part and then the text's length.</summary>
    internal int Segment(ReadOnlySpan<char> text, Span<int> starts)
    {
        var count = text.Length;
        for (var i = 0; i <= count; i++)
            starts[i] = i;
        while (true)
        {
            var best = -1;
            var bestRank = int.MaxValue;
            for (var i = 0; i + 2 <= count; i++)
            {
                if (_lookup.TryGetValue(text[starts[i]..starts[i + 2]], out var rank) && rank < bestRank)
                    (best, bestRank) = (i, rank);
            }
            if (best < 0)
                return count;
            starts[(best + 2)..(count + 1)].CopyTo(starts[(best + 1)..]);
            count--;
        }
    }
}
