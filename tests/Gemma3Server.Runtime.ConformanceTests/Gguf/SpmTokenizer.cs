using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

/// <summary>A plain SentencePiece BPE tokenizer over a checkpoint's pieces and scores: merge the best-scored neighbours, leftmost first.</summary>
internal sealed class SpmTokenizer
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly float[] _scores;

    public SpmTokenizer(GgufFile file)
    {
        Tokens = file.ReadTexts("tokenizer.ggml.tokens")!;
        _scores = file.ReadFloats("tokenizer.ggml.scores")!;
        for (var id = 0; id < Tokens.Length; id++)
            _ids.Add(Tokens[id], id);
    }

    public string[] Tokens { get; }

    /// <summary>Tokenizes text without runs of white space, which a tokenizer would cut out beforehand.</summary>
    public List<int> Tokenize(string text)
    {
        var parts = text.Replace(' ', '▁').EnumerateRunes().Select(rune => rune.ToString()).ToList();
        while (true)
        {
            var best = -1;
            for (var i = 0; i + 1 < parts.Count; i++)
            {
                if (_ids.TryGetValue(parts[i] + parts[i + 1], out var id)
                    && (best < 0 || _scores[id] > _scores[_ids[parts[best] + parts[best + 1]]]))
                    best = i;
            }
            if (best < 0)
                break;
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
        return [.. parts.SelectMany(Ids)];
    }

    public string Detokenize(IEnumerable<int> tokens)
    {
        var bytes = new List<byte>();
        foreach (var token in tokens)
        {
            var piece = Tokens[token];
            if (piece.StartsWith("<0x", StringComparison.Ordinal))
                bytes.Add(Convert.ToByte(piece[3..5], 16));
            else
                bytes.AddRange(Encoding.UTF8.GetBytes(piece.Replace('▁', ' ')));
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private IEnumerable<int> Ids(string part) =>
        _ids.TryGetValue(part, out var id) ? [id] : Encoding.UTF8.GetBytes(part).Select(value => _ids[$"<0x{value:X2}>"]);
}
