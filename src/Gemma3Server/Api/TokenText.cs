using System.Globalization;
using System.Text;
using Gemma3Server.Runtime;

namespace Gemma3Server.Api;

/// <summary>
/// How a single token is shown: as text where it is some, as escaped bytes where it is a part of a character, by name where it is neither.
/// </summary>
internal sealed class TokenText
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    // Control tokens that a Gemma 3 model may generate or meet; the rest of them have no use.
    private static readonly string[] Names =
    [
        "<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<end_of_image>",
        "<image_soft_token>",
    ];

    private readonly ITokenizer _tokenizer;
    private readonly Dictionary<int, string> _names = [];

    public TokenText(ITokenizer tokenizer)
    {
        _tokenizer = tokenizer;
        foreach (var name in Names)
        {
            if (tokenizer.TryGetControlToken(name, out var token)) _names.TryAdd(token, name);
        }
    }

    /// <summary>The token's text, and its bytes; null bytes for a control token, which stands for none.</summary>
    public (string Text, int[]? Bytes) Of(int token)
    {
        var bytes = _tokenizer.Piece(token).Span;
        if (bytes.IsEmpty) return (_names.TryGetValue(token, out var name) ? name : $"<token {token.ToString(CultureInfo.InvariantCulture)}>", null);
        var values = new int[bytes.Length];
        for (var i = 0; i < values.Length; i++) values[i] = bytes[i];
        return (Text(bytes), values);
    }

    private static string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            // As OpenAI writes it.
            var text = new StringBuilder();
            foreach (var value in bytes) text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}");
            return text.ToString();
        }
    }
}
