using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Tokens;

/// <summary>Writes a token as llama-server does: its id, or <c>{"id", "piece"}</c>, whose piece is an array of bytes where it is no text.</summary>
internal sealed class TokenPieceConverter : JsonConverter<TokenPiece>
{
    public override TokenPiece Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Tokens are written only.");

    public override void Write(Utf8JsonWriter writer, TokenPiece value, JsonSerializerOptions options)
    {
        if (value.Text is null)
        {
            writer.WriteNumberValue(value.Id);
            return;
        }

        writer.WriteStartObject();
        writer.WriteNumber("id", value.Id);
        if (value.Bytes is null)
        {
            writer.WriteString("piece", value.Text);
        }
        else
        {
            writer.WriteStartArray("piece");
            foreach (var part in value.Bytes) writer.WriteNumberValue(part);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }
}
