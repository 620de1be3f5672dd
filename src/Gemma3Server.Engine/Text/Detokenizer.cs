using System.Text;

namespace Gemma3Server.Engine.Text;

/// <summary>
/// Turns the bytes of tokens into characters as they come. A token may end inside a character: its bytes wait for the rest. Bytes that
/// can never become a character turn into U+FFFD, as the field does.
/// </summary>
internal sealed class Detokenizer
{
    private readonly Decoder _decoder = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: false).GetDecoder();
    private char[] _characters = new char[64];

    /// <summary>The characters that <paramref name="bytes"/> completes; valid until the next call.</summary>
    public ReadOnlySpan<char> Append(ReadOnlySpan<byte> bytes) => Decode(bytes, flush: false);

    /// <summary>The end of the text: U+FFFD when a character stayed incomplete, else nothing.</summary>
    public ReadOnlySpan<char> Flush() => Decode([], flush: true);

    private ReadOnlySpan<char> Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        // A byte yields at most one character; waiting bytes may add one replacement.
        if (_characters.Length < bytes.Length + 4) _characters = new char[(bytes.Length * 2) + 4];
        return _characters.AsSpan(0, _decoder.GetChars(bytes, _characters, flush));
    }
}
