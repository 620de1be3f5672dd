using System.Text.Json;
using Gemma3Server.Runtime;

namespace Gemma3Server.Tests.Support;

/// <summary>Gemma 3's real tokenizer, as the template sees it: text without control tokens, and control tokens by name.</summary>
internal sealed class ReferenceTokenizer(NodeReference reference) : ITokenizer
{
    private readonly Dictionary<string, int> _controls =
        reference.Ask(new() { ["controls"] = true })["controls"].Deserialize<Dictionary<string, int>>()!;

    public int VocabularySize => 262_144;

    public int BeginOfSequence => _controls["<bos>"];

    public IReadOnlyList<int> EndOfGeneration => [_controls["<eos>"], _controls["<end_of_turn>"]];

    public int LongestPiece => 93; // a run of 31 ▁

    public int[] Tokenize(string text) => reference.Tokens("encodePlain", text);

    public bool TryGetControlToken(string piece, out int token) => _controls.TryGetValue(piece, out token);

    public bool IsControl(int token) => _controls.ContainsValue(token);

    public ReadOnlyMemory<byte> Piece(int token) => throw new NotSupportedException("The template does not detokenize.");
}
