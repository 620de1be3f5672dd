using System.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>
/// A vocabulary in Gemma's manner: control tokens, every byte, and many longer pieces, some of which cross the tokens of JSON, some of which are
/// parts of characters, and some of which are spelled alike. Tokenizes by the longest piece.
/// </summary>
internal sealed class PieceTokenizer : ITokenizer
{
    public const int EndOfTurn = 1;

    private const int FirstByte = 2;

    private readonly byte[][] _pieces;
    private readonly Dictionary<string, int> _known = new(StringComparer.Ordinal);

    public PieceTokenizer(int size = 4096, int seed = 1)
    {
        var random = new Random(seed);
        var pieces = new List<byte[]> { Array.Empty<byte>(), Array.Empty<byte>() };
        for (var value = 0; value < 256; value++) pieces.Add([(byte)value]);
        string[] parts =
        [
            "\"", "\":", "\": ", "\": \"", "\",", "\", \"", "{", "{\"", "}", "}}", "},", "[", "]", "[\"", "\"]", "]]", ",", ", ", ":", " ", "  ", "\n", "\n  ",
            "true", "false", "null", "name", "id", "a", "b", "c", "e", "the", "ing", "é", "ü", "日本", "🎉", "0", "1", "12", "123", "-", ".", ".5", "e1", "\\", "\\n", "\\\"",
            "\\u", "00", "d8", "-0", "2024", "T1", "Z", "@", "://", "http", "x", "xy", "A", "AB", "\u0001", "\u007f",
        ];
        pieces.AddRange(parts.Select(Encoding.UTF8.GetBytes));
        while (pieces.Count < size)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => parts[random.Next(parts.Length)]));
            var bytes = Encoding.UTF8.GetBytes(text);
            if (random.Next(20) == 0) bytes = bytes[..random.Next(1, bytes.Length + 1)];
            if (random.Next(20) == 0) bytes = bytes[random.Next(bytes.Length)..];
            if (bytes.Length is > 0 and < 60) pieces.Add(bytes);
        }

        _pieces = [.. pieces];
        for (var token = FirstByte; token < size; token++) _known.TryAdd(Convert.ToHexString(_pieces[token]), token);
    }

    public int VocabularySize => _pieces.Length;

    public int BeginOfSequence => 0;

    public IReadOnlyList<int> EndOfGeneration { get; } = [EndOfTurn];

    public int LongestPiece => 60;

    public int[] Tokenize(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text).AsSpan();
        var tokens = new List<int>();
        while (!bytes.IsEmpty)
        {
            var length = Math.Min(60, bytes.Length);
            int token;
            while (!_known.TryGetValue(Convert.ToHexString(bytes[..length]), out token)) length--;
            tokens.Add(token);
            bytes = bytes[length..];
        }

        return [.. tokens];
    }

    public bool TryGetControlToken(string piece, out int token)
    {
        token = 0;
        return false;
    }

    public bool IsControl(int token) => token < FirstByte;

    public ReadOnlyMemory<byte> Piece(int token) => _pieces[token];
}
