using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>
/// ggml's formats Q4_0 and Q8_0: blocks of 32 weights with one 16-bit float scale. The bytes are those of ggml's reference encoder.
/// </summary>
/// <remarks>
/// Q4_0, 18 bytes: scale, then 16 bytes whose low nibbles are weights 0 to 15 and whose high nibbles are weights 16 to 31; weight = scale x
/// (nibble - 8). Q8_0, 34 bytes: scale, then 32 signed bytes; weight = scale x byte.
/// </remarks>
public static class Quantization
{
    /// <summary>Weights in one block of either format.</summary>
    public const int BlockLength = 32;

    private const int Q4Bytes = 18;
    private const int Q8Bytes = 34;

    /// <summary>Encodes whole blocks as Q4_0.</summary>
    public static void EncodeQ4(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        var count = CheckLengths(weights.Length, blocks.Length, Q4Bytes);
        for (var i = 0; i < count; i++)
        {
            var source = weights.Slice(i * BlockLength, BlockLength);
            var block = blocks.Slice(i * Q4Bytes, Q4Bytes);
            // The weight farthest from zero gets nibble 0, that is -8 steps: its sign goes into the scale.
            var scale = Farthest(source) / -8;
            var inverse = scale == 0 ? 0 : 1 / scale;
            BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
            var codes = block[2..];
            for (var j = 0; j < codes.Length; j++)
                codes[j] = (byte)(Nibble(source[j] * inverse) | (Nibble(source[j + 16] * inverse) << 4));
        }
    }

    /// <summary>Decodes whole blocks of Q4_0.</summary>
    public static void DecodeQ4(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        var count = CheckLengths(weights.Length, blocks.Length, Q4Bytes);
        var eight = Vector128.Create((sbyte)8);
        for (var i = 0; i < count; i++)
        {
            var block = blocks.Slice(i * Q4Bytes, Q4Bytes);
            var destination = weights.Slice(i * BlockLength, BlockLength);
            var scale = Vector128.Create((float)BinaryPrimitives.ReadHalfLittleEndian(block));
            var codes = Vector128.Create(block[2..]);
            Scale((codes & Vector128.Create((byte)15)).AsSByte() - eight, scale, destination);
            Scale((codes >>> 4).AsSByte() - eight, scale, destination[16..]);
        }
    }

    /// <summary>Encodes whole blocks as Q8_0.</summary>
    public static void EncodeQ8(ReadOnlySpan<float> weights, Span<byte> blocks)
    {
        var count = CheckLengths(weights.Length, blocks.Length, Q8Bytes);
        for (var i = 0; i < count; i++)
        {
            var source = weights.Slice(i * BlockLength, BlockLength);
            var block = blocks.Slice(i * Q8Bytes, Q8Bytes);
            var scale = MathF.Abs(Farthest(source)) / 127;
            var inverse = scale == 0 ? 0 : 1 / scale;
            BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
            var codes = MemoryMarshal.Cast<byte, sbyte>(block[2..]);
            for (var j = 0; j < codes.Length; j++)
                codes[j] = (sbyte)MathF.Round(source[j] * inverse, MidpointRounding.AwayFromZero);
        }
    }

    /// <summary>Decodes whole blocks of Q8_0.</summary>
    public static void DecodeQ8(ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        var count = CheckLengths(weights.Length, blocks.Length, Q8Bytes);
        for (var i = 0; i < count; i++)
        {
            var block = blocks.Slice(i * Q8Bytes, Q8Bytes);
            var destination = weights.Slice(i * BlockLength, BlockLength);
            var scale = Vector128.Create((float)BinaryPrimitives.ReadHalfLittleEndian(block));
            Scale(Vector128.Create(block[2..]).AsSByte(), scale, destination);
            Scale(Vector128.Create(block[18..]).AsSByte(), scale, destination[16..]);
        }
    }

    private static void Scale(Vector128<sbyte> codes, Vector128<float> scale, Span<float> destination)
    {
        var (low, high) = Vector128.Widen(codes);
        var (first, second) = Vector128.Widen(low);
        var (third, fourth) = Vector128.Widen(high);
        (Vector128.ConvertToSingle(first) * scale).CopyTo(destination);
        (Vector128.ConvertToSingle(second) * scale).CopyTo(destination[4..]);
        (Vector128.ConvertToSingle(third) * scale).CopyTo(destination[8..]);
        (Vector128.ConvertToSingle(fourth) * scale).CopyTo(destination[12..]);
    }

    /// <summary>The first of the weights that are farthest from zero.</summary>
    private static float Farthest(ReadOnlySpan<float> weights)
    {
        var magnitude = MathF.Abs(TensorPrimitives.MaxMagnitude(weights));
        foreach (var weight in weights)
        {
            if (MathF.Abs(weight) == magnitude)
                return weight;
        }
        return float.NaN;
    }

    private static int Nibble(float steps) => Math.Min(15, (int)(steps + 8.5f));

    private static int CheckLengths(int weights, int bytes, int blockBytes)
    {
        if (weights % BlockLength != 0 || bytes != weights / BlockLength * blockBytes)
            throw new ArgumentException($"{weights} weights and {bytes} bytes are not the same number of whole blocks of {BlockLength} weights.");
        return weights / BlockLength;
    }
}
