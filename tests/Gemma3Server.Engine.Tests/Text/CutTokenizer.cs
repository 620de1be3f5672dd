using System.Text;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Text;

/// <summary>The fake's ids with other pieces: some characters each, cut anywhere, so that many begin, end or lie inside one, or are no text at all.</summary>
internal sealed class CutTokenizer : ITokenizer
{
    /// <summary>What its text is made of; the last one also stands for bytes that are none.</summary>
    public static readonly string[] Characters = ["a", "b", "\n", "é", "日", "😀", "😁", "\uFFFD"];

    private readonly FakeTokenizer _inner = new();
    private readonly byte[][] _pieces = new byte[512][];

    public CutTokenizer(Random random)
    {
        for (var token = 0; token < _pieces.Length; token++)
        {
            var bytes = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => Characters[random.Next(Characters.Length)])));
            if (random.Next(2) == 0) bytes = bytes[random.Next(bytes.Length)..];
            if (random.Next(2) == 0) bytes = bytes[..random.Next(bytes.Length)];
            if (random.Next(30) == 0) bytes = [.. bytes, 0xFF];
            _pieces[token] = IsControl(token) ? [] : bytes;
        }
    }

    public int VocabularySize => _pieces.Length;

    public int BeginOfSequence => FakeTokenizer.Bos;

    public IReadOnlyList<int> EndOfGeneration => _inner.EndOfGeneration;

    public int LongestPiece => 16;

    public int[] Tokenize(string text) => throw new NotSupportedException();

    public bool TryGetControlToken(string piece, out int token) => _inner.TryGetControlToken(piece, out token);

    public bool IsControl(int token) => _inner.IsControl(token);

    public ReadOnlyMemory<byte> Piece(int token) => _pieces[token];
}
