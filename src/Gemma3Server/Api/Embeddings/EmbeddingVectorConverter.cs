using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Api.Embeddings;

/// <summary>Writes a vector as an array of numbers, or as the base64 of its little-endian bytes, as OpenAI's clients read it.</summary>
internal sealed class EmbeddingVectorConverter : JsonConverter<EmbeddingVector>
{
    public override EmbeddingVector Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("Vectors are written only.");

    public override void Write(Utf8JsonWriter writer, EmbeddingVector value, JsonSerializerOptions options)
    {
        if (!value.AsBase64)
        {
            writer.WriteStartArray();
            foreach (var number in value.Values) writer.WriteNumberValue(number);
            writer.WriteEndArray();
            return;
        }

        var bytes = new byte[value.Values.Length * sizeof(float)];
        for (var i = 0; i < value.Values.Length; i++) BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), value.Values[i]);
        writer.WriteBase64StringValue(bytes);
    }
}
