using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Tokens;

/// <summary>A token of a text: written as its id alone, or with what it stands for.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">Its text; null where only the id is written.</param>
/// <param name="Bytes">Its bytes, where they are no text by themselves: a part of a character.</param>
[JsonConverter(typeof(TokenPieceConverter))]
internal readonly record struct TokenPiece(int Id, string? Text, int[]? Bytes)
{
    /// <summary>A token with what it stands for.</summary>
    public static TokenPiece Of(int token, TokenText texts)
    {
        var (text, bytes) = texts.Of(token);
        return new(token, text, bytes is not null && !System.Text.Unicode.Utf8.IsValid(Array.ConvertAll(bytes, value => (byte)value)) ? bytes : null);
    }
}
