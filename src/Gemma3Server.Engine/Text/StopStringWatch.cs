using System.Buffers;
using System.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Text;

/// <summary>
/// Tells the engine loop which token completes a stop string: exactly the one at which the <see cref="StopStringMatcher"/> of
/// <see cref="GenerationText"/> finds it, though it looks at few of them.
/// </summary>
/// <remarks>
/// <para>This much of stop strings stays on the loop, for the next step must know who has ended. Found beside that step, on another
/// thread, every stop would come a step later, and cost a row of the model in vain that has to be taken back out of the cache: milliseconds, for
/// the 6 ns a token that this takes with usual stop strings (TextBenchmarks; the worst, one that begins like every word, 47).</para>
/// <para>While no stop string is under way, a token none of whose bytes begins one is passed over by one vectorized search and not decoded.
/// The first byte of a character is never one inside another, so decoding can begin at it: all that may precede it is an incomplete character, whose
/// replacement begins no stop string. (If one does begin with it, or with half a surrogate pair, everything is decoded.) From there on
/// text is decoded and matched until no stop string is under way and no character is incomplete.</para>
/// </remarks>
internal sealed class StopStringWatch
{
    private readonly ITokenizer _tokenizer;
    private readonly Detokenizer _detokenizer = new();
    private readonly StopStringMatcher _matcher;
    private readonly SearchValues<byte>? _beginnings;

    public StopStringWatch(string[] stops, ITokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _matcher = new(stops);
        if (Array.TrueForAll(stops, BeginsWithACharacter)) _beginnings = SearchValues.Create([.. stops.Select(FirstByte)]);
    }

    /// <summary>Whether the next token will be decoded, whatever it is: at the start, and while a stop string may be under way.</summary>
    public bool IsNear { get; private set; } = true;

    /// <summary>Adds the next token; true when it completes a stop string.</summary>
    /// <param name="token">The token.</param>
    /// <param name="mayStop">Whether stop strings count already; once they do, they always do.</param>
    public bool Append(int token, bool mayStop)
    {
        var piece = _tokenizer.Piece(token).Span;
        if (!IsNear)
        {
            var begin = piece.IndexOfAny(_beginnings!);
            if (begin < 0) return false;
            piece = piece[begin..];
        }

        if (piece.IsEmpty) return false;
        var text = _detokenizer.Append(piece);
        if (!mayStop) return false;
        if (_matcher.Append(text)) return true;
        _matcher.Take();
        IsNear = _beginnings is null || _matcher.Holds || Rune.DecodeLastFromUtf8(piece, out _, out _) != OperationStatus.Done;
        return false;
    }

    private static bool BeginsWithACharacter(string stop) => Rune.TryGetRuneAt(stop, 0, out var first) && first != Rune.ReplacementChar;

    private static byte FirstByte(string stop)
    {
        Span<byte> bytes = stackalloc byte[4];
        Rune.GetRuneAt(stop, 0).EncodeToUtf8(bytes);
        return bytes[0];
    }
}
