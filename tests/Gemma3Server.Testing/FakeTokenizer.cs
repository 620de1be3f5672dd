using System.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Testing;

/// <summary>
/// A byte-level tokenizer in Gemma's layout: pad 0, eos 1, bos 2, unk 3, start of turn 105, end of turn 106, bytes at 238 to 493.
/// Every byte of text is one token, so counts in tests are easy to see.
/// </summary>
public sealed class FakeTokenizer : ITokenizer
{
    public const int Eos = 1;
    public const int Bos = 2;
    public const int StartOfTurn = 105;
    public const int EndOfTurn = 106;
    public const int FirstByte = 238;

    private static readonly Dictionary<string, int> Controls = new()
    {
        ["<pad>"] = 0,
        ["<eos>"] = Eos,
        ["<bos>"] = Bos,
        ["<unk>"] = 3,
        ["<start_of_turn>"] = StartOfTurn,
        ["<end_of_turn>"] = EndOfTurn,
    };

    public int VocabularySize => 512;

    public int BeginOfSequence => Bos;

    public IReadOnlyList<int> EndOfGeneration { get; } = [Eos, EndOfTurn];

    public int LongestPiece => 1;

    public int[] Tokenize(string text) => [.. Encoding.UTF8.GetBytes(text).Select(b => FirstByte + b)];

    public bool TryGetControlToken(string piece, out int token) => Controls.TryGetValue(piece, out token);

    public bool IsControl(int token) => Controls.ContainsValue(token);

    public ReadOnlyMemory<byte> Piece(int token) =>
        token is >= FirstByte and < FirstByte + 256 ? new[] { (byte)(token - FirstByte) } : ReadOnlyMemory<byte>.Empty;
}
