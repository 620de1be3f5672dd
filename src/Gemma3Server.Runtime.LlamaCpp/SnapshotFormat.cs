using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Loading;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>
/// The header before the library's own state: the library accepts a state with flipped bits and one of another model with equal shapes.
/// Little-endian: magic (4), version (4), scope (4), length (4), layout hash (8).
/// </summary>
internal static class SnapshotFormat
{
    public const int HeaderBytes = 24;
    private const uint Magic = 0x534B_3347; // "G3KS"
    private const int Version = 1;

    /// <summary>Everything on which the meaning of a state's bytes depends.</summary>
    public static ulong LayoutOf(ModelInfo model, ContextPlan plan) => XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(string.Join(
        '|', model.Name, model.ParameterCount, model.WeightBytes, model.LayerCount, model.EmbeddingLength, model.VocabularySize, model.SlidingWindow,
        plan.KeyType, plan.ValueType, plan.FlashAttention, plan.SharedCells ? 1 : plan.Sequences)));

    public static void WriteHeader(Span<byte> data, SnapshotScope scope, int length, ulong layout)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(data, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(data[4..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(data[8..], (int)scope);
        BinaryPrimitives.WriteInt32LittleEndian(data[12..], length);
        BinaryPrimitives.WriteUInt64LittleEndian(data[16..], layout);
    }

    /// <summary>Whether a snapshot is undamaged, made with this layout, and what its record says it is.</summary>
    public static bool IsIntact(SequenceSnapshot snapshot, ulong layout)
    {
        var data = snapshot.Data.Span;
        return data.Length > HeaderBytes
            && XxHash3.HashToUInt64(data) == snapshot.Checksum
            && BinaryPrimitives.ReadUInt32LittleEndian(data) == Magic
            && BinaryPrimitives.ReadInt32LittleEndian(data[4..]) == Version
            && BinaryPrimitives.ReadInt32LittleEndian(data[8..]) == (int)snapshot.Scope
            && BinaryPrimitives.ReadInt32LittleEndian(data[12..]) == snapshot.Length
            && BinaryPrimitives.ReadUInt64LittleEndian(data[16..]) == layout;
    }
}
