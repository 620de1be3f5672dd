using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>
/// Fills tensor data with random weights, directly in their stored form. Block <c>i</c> of a key is always the same bytes.
/// </summary>
/// <remarks>
/// The mean of the weights is zero. Q4_0 codes run from 0 to 15 and mean code minus 8, so uniform codes have a mean of -0.5: a model of such
/// weights repeats one token for ever. Code 0 therefore becomes code 8, which is the weight 0.
/// </remarks>
internal static class RandomBlocks
{
    private const ulong LowNibbleBits = 0x1111_1111_1111_1111;
    private const ulong HighByteBits = 0x8080_8080_8080_8080;

    // Standard deviation of the stored codes: nibbles -7..7 with 0 twice, bytes -127..127 with 0 twice.
    private const float NibbleDeviation = 4.183300f;
    private const float ByteDeviation = 73.609f;

    /// <summary>Writes whole blocks, the first of which is block <paramref name="firstBlock"/> of the key.</summary>
    public static void Fill(Span<byte> destination, GgmlType type, ulong key, long firstBlock, float deviation)
    {
        switch (type)
        {
            case GgmlType.Q4_0:
                FillQ4(destination, key, (ulong)firstBlock, deviation / NibbleDeviation);
                break;
            case GgmlType.Q8_0:
                FillQ8(destination, key, (ulong)firstBlock, deviation / ByteDeviation);
                break;
            case GgmlType.F16:
                FillHalf(destination, key, (ulong)firstBlock, deviation / ByteDeviation);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, "Random weights come as Q4_0, Q8_0 or F16.");
        }
    }

    /// <summary>Writes the 32-bit floats of a norm: <paramref name="mean"/>, a tenth more or less, if asked for with a random sign.</summary>
    public static void FillNorm(Span<byte> destination, ulong key, float mean, bool randomSigns)
    {
        for (var i = 0; i * sizeof(float) < destination.Length; i++)
        {
            var random = SplitMix64.At(key, (ulong)i);
            var value = mean * (1 + 0.1f * SplitMix64.SignedUnit(random));
            BinaryPrimitives.WriteSingleLittleEndian(destination[(i * sizeof(float))..], randomSigns && (random & 1) != 0 ? -value : value);
        }
    }

    private static void FillQ4(Span<byte> destination, ulong key, ulong block, float scale)
    {
        Span<ushort> scales = stackalloc ushort[256];
        SetScales(scales, scale);
        for (; !destination.IsEmpty; destination = destination[18..], block++)
        {
            var counter = block * 3;
            BinaryPrimitives.WriteUInt16LittleEndian(destination, scales[(byte)SplitMix64.At(key, counter)]);
            BinaryPrimitives.WriteUInt64LittleEndian(destination[2..], Nibbles(SplitMix64.At(key, counter + 1)));
            BinaryPrimitives.WriteUInt64LittleEndian(destination[10..], Nibbles(SplitMix64.At(key, counter + 2)));
        }
    }

    private static void FillQ8(Span<byte> destination, ulong key, ulong block, float scale)
    {
        Span<ushort> scales = stackalloc ushort[256];
        SetScales(scales, scale);
        for (; !destination.IsEmpty; destination = destination[34..], block++)
        {
            var counter = block * 5;
            BinaryPrimitives.WriteUInt16LittleEndian(destination, scales[(byte)SplitMix64.At(key, counter)]);
            for (var i = 0; i < 4; i++)
                BinaryPrimitives.WriteUInt64LittleEndian(destination[(2 + 8 * i)..], Bytes(SplitMix64.At(key, counter + 1 + (ulong)i)));
        }
    }

    /// <summary>One 16-bit float is a block here; a call starts at a multiple of 8.</summary>
    private static void FillHalf(Span<byte> destination, ulong key, ulong block, float scale)
    {
        Span<ushort> values = stackalloc ushort[256];
        for (var code = 0; code < 256; code++)
            values[code] = BitConverter.HalfToUInt16Bits((Half)(scale * (code == 128 ? 0 : (sbyte)code)));
        var halves = MemoryMarshal.Cast<byte, ushort>(destination);
        var random = 0ul;
        for (var i = 0; i < halves.Length; i++, random >>= 8)
        {
            if (i % 8 == 0)
                random = SplitMix64.At(key, (block + (ulong)i) / 8);
            halves[i] = values[(byte)random];
        }
    }

    /// <summary>Block scales vary by a quarter around their mean square, as they do in a real file.</summary>
    private static void SetScales(Span<ushort> scales, float scale)
    {
        for (var i = 0; i < scales.Length; i++)
            scales[i] = BitConverter.HalfToUInt16Bits((Half)(scale * (0.75f + 0.5f * i / 255)));
    }

    private static ulong Nibbles(ulong random)
    {
        var zeros = ~(random | (random >> 1) | (random >> 2) | (random >> 3)) & LowNibbleBits;
        return random | (zeros << 3);
    }

    private static ulong Bytes(ulong random)
    {
        var flipped = random ^ HighByteBits;
        var zeros = ~(((flipped & ~HighByteBits) + ~HighByteBits) | flipped | ~HighByteBits);
        return random ^ zeros;
    }
}
