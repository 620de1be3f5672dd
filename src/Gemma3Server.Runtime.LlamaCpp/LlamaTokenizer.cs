using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>The checkpoint's own tokenizer, as llama.cpp runs it, with all pieces cached.</summary>
/// <remarks>
/// Thread-safe. Which tokens are control tokens is decided here and not by the file alone: a checkpoint whose converter marked
/// <c>&lt;end_of_turn&gt;</c> as ordinary text would otherwise let a user end the turn by writing it.
/// </remarks>
internal sealed unsafe class LlamaTokenizer : ITokenizer
{
    /// <summary>Pieces that steer the model and therefore never come from text, whatever type the file gives them.</summary>
    private static readonly string[] AlwaysControl =
        ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>", "<image_soft_token>"];

    private readonly LlamaModelHandle _model;
    private readonly nint _vocabulary;
    private readonly byte[] _pieces;
    private readonly int[] _offsets;
    private readonly bool[] _isControl;
    private readonly Dictionary<string, int> _controls = new(StringComparer.Ordinal);
    private readonly SearchValues<string> _controlLiterals;
    private readonly LiteralScanner _literals;

    public LlamaTokenizer(LlamaModel model)
    {
        _model = model.Handle;
        _vocabulary = model.Vocabulary;
        VocabularySize = model.Info.VocabularySize;
        BeginOfSequence = LlamaNative.llama_vocab_bos(_vocabulary);
        _isControl = new bool[VocabularySize];
        _offsets = new int[VocabularySize + 1];
        var endOfGeneration = new List<int>();
        var userDefined = new List<string>();
        var pieces = new ArrayBufferWriter<byte>(VocabularySize * 8);
        for (var token = 0; token < VocabularySize; token++)
        {
            var text = Utf8Text.Read(LlamaNative.llama_vocab_get_text(_vocabulary, token));
            var attributes = LlamaNative.llama_vocab_get_attr(_vocabulary, token);
            var ends = LlamaNative.llama_vocab_is_eog(_vocabulary, token);
            if (ends) endOfGeneration.Add(token);
            _isControl[token] = ends || (attributes & (LlamaTokenAttributes.Control | LlamaTokenAttributes.Unknown)) != 0 || AlwaysControl.Contains(text);
            if (_isControl[token] && text.Length > 0) _controls.TryAdd(text, token);
            if (!_isControl[token])
            {
                AppendPiece(pieces, token);
                LongestPiece = Math.Max(LongestPiece, Math.Max(pieces.WrittenCount - _offsets[token], Encoding.UTF8.GetByteCount(text)));
            }

            if ((attributes & LlamaTokenAttributes.UserDefined) != 0 && text.Length > 0) userDefined.Add(text);
            _offsets[token + 1] = pieces.WrittenCount;
        }

        _pieces = pieces.WrittenSpan.ToArray();
        EndOfGeneration = endOfGeneration;
        _controlLiterals = SearchValues.Create([.. _controls.Keys], StringComparison.Ordinal);
        _literals = new LiteralScanner(userDefined);
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int BeginOfSequence { get; }

    /// <inheritdoc/>
    public IReadOnlyList<int> EndOfGeneration { get; }

    /// <inheritdoc/>
    /// <remarks>Counted on the vocabulary's own spelling too: a text may spell the ▁ (3 bytes) for which a piece has a space.</remarks>
    public int LongestPiece { get; } = 1;

    /// <inheritdoc/>
    public int[] Tokenize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length == 0) return [];
        var tokens = new List<int>(text.Length / 3 + 1);
        foreach (var part in _literals.Cut(text)) Append(tokens, text.AsSpan(part));
        return [.. tokens];
    }

    /// <inheritdoc/>
    public bool TryGetControlToken(string piece, out int token) => _controls.TryGetValue(piece, out token);

    /// <inheritdoc/>
    public bool IsControl(int token) => (uint)token < (uint)VocabularySize && _isControl[token];

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Piece(int token) =>
        (uint)token < (uint)VocabularySize ? _pieces.AsMemory(_offsets[token].._offsets[token + 1]) : default;

    /// <summary>
    /// Tokenizes one part. Where a control token comes out nevertheless, its literal is cut in two wherever the text has it, so that no part
    /// spells it any more.
    /// </summary>
    private void Append(List<int> tokens, ReadOnlySpan<char> text)
    {
        var start = tokens.Count;
        AppendNative(tokens, text);
        if (!HasControl(CollectionsMarshal.AsSpan(tokens)[start..])) return;

        tokens.RemoveRange(start, tokens.Count - start);
        while (text.IndexOfAny(_controlLiterals) is >= 0 and var at)
        {
            AppendNative(tokens, text[..(at + 1)]);
            text = text[(at + 1)..];
        }

        AppendNative(tokens, text);

        // A literal of one character cannot be cut; no control token of Gemma is one.
        tokens.RemoveAll(IsControl);
    }

    private bool HasControl(ReadOnlySpan<int> tokens)
    {
        foreach (var token in tokens)
        {
            if (_isControl[token]) return true;
        }

        return false;
    }

    private void AppendNative(List<int> tokens, ReadOnlySpan<char> text)
    {
        if (text.IsEmpty) return;
        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        var held = false;
        int[]? ids = null;
        try
        {
            var length = Encoding.UTF8.GetBytes(text, bytes);
            ids = ArrayPool<int>.Shared.Rent(length + 8); // no piece is shorter than a byte
            _model.DangerousAddRef(ref held); // the vocabulary is the model's; a request may outlive the runtime
            int count;
            fixed (byte* source = bytes)
            fixed (int* target = ids)
                count = LlamaNative.llama_tokenize(_vocabulary, source, length, target, ids.Length, addSpecial: false, parseSpecial: false);
            if (count < 0) throw new InvalidOperationException($"The tokenizer needs {-(long)count} tokens for {length} bytes.");
            tokens.AddRange(ids.AsSpan(0, count));
        }
        finally
        {
            if (held) _model.DangerousRelease();
            if (ids is not null) ArrayPool<int>.Shared.Return(ids);
            ArrayPool<byte>.Shared.Return(bytes);
        }
    }

    private void AppendPiece(ArrayBufferWriter<byte> pieces, int token)
    {
        var room = 64;
        while (true)
        {
            int length;
            fixed (byte* target = pieces.GetSpan(room))
                length = LlamaNative.llama_token_to_piece(_vocabulary, token, target, room, 0, special: false);
            if (length >= 0)
            {
                pieces.Advance(length);
                return;
            }

            room = -length;
        }
    }
}
