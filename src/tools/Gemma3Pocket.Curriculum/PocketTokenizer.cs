using System.Text;

namespace Gemma3Pocket.Curriculum;

/// <summary>llama.cpp's SentencePiece tokenizer over a pocket vocabulary, for plain text: no control token is ever parsed.</summary>
/// <remarks>Not thread-safe: it remembers the words it has met.</remarks>
public sealed class PocketTokenizer
{
    private const int MostCachedWords = 100_000;

    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<PocketPiece> _pieces;
    private readonly (string Text, int Id)[] _userDefined;
    private readonly Dictionary<string, int[]> _words = new(StringComparer.Ordinal);

    /// <summary>A tokenizer of a vocabulary.</summary>
    public PocketTokenizer(PocketVocabulary vocabulary)
    {
        _pieces = vocabulary.Pieces;
        for (var id = 0; id < _pieces.Count; id++)
            _ids.Add(_pieces[id].Text, id);
        _userDefined = [.. _pieces.Index().Where(p => p.Item.Type == PocketVocabulary.UserDefined)
            .Select(p => (p.Item.Text, p.Index)).OrderByDescending(p => p.Text.Length)];
    }

    /// <summary>The tokens of a text, without a beginning-of-sequence token and without a space put before it.</summary>
    public int[] Encode(string text)
    {
        var tokens = new List<int>(text.Length / 3 + 4);
        Partition(text, 0, tokens);
        return [.. tokens];
    }

    /// <summary>The text of tokens; control tokens give their names.</summary>
    public string Decode(IEnumerable<int> tokens)
    {
        var bytes = new List<byte>();
        foreach (var id in tokens)
        {
            var piece = _pieces[id];
            if (piece.Type == PocketVocabulary.Byte)
                bytes.Add((byte)(id - PocketVocabulary.FirstByte));
            else
                bytes.AddRange(Encoding.UTF8.GetBytes(piece.Text.Replace(PocketVocabulary.Space, ' ')));
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>User-defined pieces are cut out first, the longest everywhere before the next.</summary>
    private void Partition(string text, int from, List<int> tokens)
    {
        for (var i = from; i < _userDefined.Length; i++)
        {
            var (piece, id) = _userDefined[i];
            var at = text.IndexOf(piece, StringComparison.Ordinal);
            if (at < 0)
                continue;
            var start = 0;
            for (; at >= 0; at = text.IndexOf(piece, start, StringComparison.Ordinal))
            {
                Partition(text[start..at], i + 1, tokens);
                tokens.Add(id);
                start = at + piece.Length;
            }

            Partition(text[start..], i + 1, tokens);
            return;
        }

        AddWords(text.Replace(' ', PocketVocabulary.Space), tokens);
    }

    /// <summary>No piece holds a <c>▁</c> behind its first character, so words are merged one by one.</summary>
    private void AddWords(string text, List<int> tokens)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = text.IndexOf(PocketVocabulary.Space, start + 1);
            if (end < 0)
                end = text.Length;
            var word = text[start..end];
            if (!_words.TryGetValue(word, out var ids))
            {
                if (_words.Count >= MostCachedWords)
                    _words.Clear();
                _words[word] = ids = Merge(word);
            }

            tokens.AddRange(ids);
            start = end;
        }
    }

    /// <summary>Merges the neighbours whose union has the best score, the leftmost of equals, until none is a piece.</summary>
    private int[] Merge(string word)
    {
        var symbols = word.EnumerateRunes().Select(rune => rune.ToString()).ToList();
        while (true)
        {
            var best = -1;
            var bestScore = float.NegativeInfinity;
            for (var i = 0; i + 1 < symbols.Count; i++)
                if (_ids.TryGetValue(symbols[i] + symbols[i + 1], out var id) && _pieces[id].Score > bestScore)
                    (best, bestScore) = (i, _pieces[id].Score);
            if (best < 0)
                break;
            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }

        return [.. symbols.SelectMany(Ids)];
    }

    private IEnumerable<int> Ids(string symbol) => _ids.TryGetValue(symbol, out var id)
        ? [id]
        : Encoding.UTF8.GetBytes(symbol).Select(value => PocketVocabulary.FirstByte + value);
}
