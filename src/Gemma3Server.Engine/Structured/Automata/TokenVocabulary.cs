using System.Numerics;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>A model's tokens as a grammar sees them: by their bytes. Made once for a model; immutable.</summary>
internal sealed class TokenVocabulary
{
    /// <summary>Characters up to which safe tokens are told apart by their number; those of more count as unsafe.</summary>
    public const int LongestSafe = 32;

    private readonly ITokenizer _tokenizer;
    private readonly ulong[][] _safeUpTo;
    private readonly ulong[][] _safeWith;
    private readonly int[] _safeTokensWith;
    private readonly int[] _ends;

    public TokenVocabulary(ITokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        _ends = [.. tokenizer.EndOfGeneration];
        Words = (tokenizer.VocabularySize + 63) / 64;
        var (safe, others) = (new List<int>(), new List<int>());
        _safeUpTo = new ulong[LongestSafe + 1][];
        for (var i = 0; i < _safeUpTo.Length; i++) _safeUpTo[i] = new ulong[Words];
        for (var token = 0; token < tokenizer.VocabularySize; token++)
        {
            var piece = tokenizer.Piece(token).Span;
            if (piece.IsEmpty) continue;
            var characters = SafeText.Count(piece);
            if (characters is 0 or > LongestSafe)
            {
                others.Add(token);
                continue;
            }

            safe.Add(token);
            _safeUpTo[characters][token >> 6] |= 1UL << (token & 63);
        }

        for (var i = 1; i < _safeUpTo.Length; i++)
        {
            for (var word = 0; word < Words; word++) _safeUpTo[i][word] |= _safeUpTo[i - 1][word];
        }

        Safe = TokenTrie.Build([.. safe], tokenizer.Piece);
        (_safeWith, _safeTokensWith) = ByGroups(Safe, Words);
        Others = TokenTrie.Build([.. others], tokenizer.Piece);
        LongestToken = Math.Max(1, Math.Max(Safe.Depth, Others.Depth));
    }

    /// <summary>The tokens that consist of a few <see cref="SafeText"/> characters.</summary>
    public TokenTrie Safe { get; }

    /// <summary>All other tokens with bytes.</summary>
    public TokenTrie Others { get; }

    /// <summary>Bytes of the longest token, at least 1.</summary>
    public int LongestToken { get; }

    /// <summary>Words of 64 tokens each.</summary>
    public int Words { get; }

    /// <summary>Tokens that end a text.</summary>
    public ReadOnlySpan<int> Ends => _ends;

    /// <summary>The bits of the safe tokens with at most so many characters.</summary>
    public ReadOnlySpan<ulong> SafeUpTo(int characters) => _safeUpTo[Math.Min(characters, LongestSafe)];

    /// <summary>The bits of the safe tokens with a character of a group.</summary>
    public ReadOnlySpan<ulong> SafeWith(int group) => _safeWith[group];

    /// <summary>How many safe tokens have a character of some groups, at most: those that have several count several times.</summary>
    public int SafeTokensWith(GroupSet groups)
    {
        var count = 0;
        for (var group = 0; group < ByteGroups.Count && !groups.IsEmpty; group++) count += groups.Contains(group) ? _safeTokensWith[group] : 0;
        return count;
    }

    public ReadOnlyMemory<byte> Piece(int token) => _tokenizer.Piece(token);

    public int[] Tokenize(string text) => _tokenizer.Tokenize(text);

    private static (ulong[][] Bits, int[] Counts) ByGroups(TokenTrie safe, int words)
    {
        var (bits, counts) = (new ulong[ByteGroups.Count][], new int[ByteGroups.Count]);
        for (var group = 0; group < bits.Length; group++) bits[group] = SafeText.Groups.Contains(group) ? new ulong[words] : [];
        for (var i = 0; i < safe.Tokens.Length; i++)
        {
            var token = safe.Tokens[i];
            var groups = safe.Groups[i];
            for (var low = groups.Low; low != 0; low &= low - 1) Add(BitOperations.TrailingZeroCount(low), token);
            for (var high = groups.High; high != 0; high &= high - 1) Add(64 + BitOperations.TrailingZeroCount(high), token);
        }

        return (bits, counts);

        void Add(int group, int token)
        {
            bits[group][token >> 6] |= 1UL << (token & 63);
            counts[group]++;
        }
    }
}
