using System.Text;
using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Api.Completions;

/// <summary>Writes the log-probabilities of one answer in the legacy form, piece by piece: it remembers how far the text has come.</summary>
internal sealed class LogprobsWriter(TokenText texts)
{
    /// <summary>What OpenAI writes for negative infinity, which JSON has no number for.</summary>
    private const float Never = -9999f;

    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private int _offset;

    /// <summary>Those of the next tokens.</summary>
    public CompletionLogprobs Next(IReadOnlyList<TokenLogProbs> logProbs)
    {
        var (tokens, values, tops, offsets) = (new string[logProbs.Count], new float[logProbs.Count], new Dictionary<string, float>[logProbs.Count], new int[logProbs.Count]);
        for (var i = 0; i < tokens.Length; i++)
        {
            var (text, bytes) = texts.Of(logProbs[i].Token);
            (tokens[i], values[i], offsets[i]) = (text, Math.Max(Never, logProbs[i].LogProb), _offset);
            var top = tops[i] = [];
            foreach (var (token, logProb) in logProbs[i].Top) top.TryAdd(texts.Of(token).Text, Math.Max(Never, logProb));
            top[text] = values[i];
            _offset += Characters(bytes);
        }

        return new(tokens, values, tops, offsets);
    }

    /// <summary>Characters that a token completes; those of two UTF-16 units count once.</summary>
    private int Characters(int[]? bytes)
    {
        if (bytes is null) return 0;
        Span<char> characters = new char[bytes.Length + 2];
        var count = _decoder.GetChars(Array.ConvertAll(bytes, value => (byte)value), characters, flush: false);
        var complete = 0;
        foreach (var character in characters[..count])
        {
            if (!char.IsLowSurrogate(character)) complete++;
        }

        return complete;
    }
}
