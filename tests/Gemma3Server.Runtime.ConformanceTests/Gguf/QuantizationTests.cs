using System.Buffers.Binary;
using Gemma3Server.Runtime.LlamaCpp.Gguf;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class QuantizationTests
{
    [Fact]
    public void EncodeQ4_KnownBlock_GivesTheKnownBytes()
    {
        // The farthest weight is -4, so the scale is 0.5 and the weight i/4 - 4 has the code round(i/2): 0, 1, 1, 2, 2, ...
        var weights = Enumerable.Range(0, 32).Select(i => i / 4f - 4).ToArray();
        var block = new byte[18];

        Quantization.EncodeQ4(weights, block);

        Assert.Equal((Half)0.5f, BinaryPrimitives.ReadHalfLittleEndian(block));
        for (var i = 0; i < 16; i++)
        {
            Assert.Equal((i + 1) / 2, block[2 + i] & 15);
            Assert.Equal(Math.Min(15, (i + 17) / 2), block[2 + i] >> 4);
        }
    }

    [Fact]
    public void DecodeQ4_KnownBlock_GivesTheKnownWeights()
    {
        var block = new byte[18];
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)(-2));
        for (var i = 0; i < 16; i++)
            block[2 + i] = (byte)(i | ((15 - i) << 4));
        var weights = new float[32];

        Quantization.DecodeQ4(block, weights);

        for (var i = 0; i < 16; i++)
        {
            Assert.Equal(-2f * (i - 8), weights[i]);
            Assert.Equal(-2f * (7 - i), weights[16 + i]);
        }
    }

    [Fact]
    public void EncodeQ8_KnownBlock_GivesTheKnownBytes()
    {
        var weights = Enumerable.Range(0, 32).Select(i => i == 5 ? -63.5f : i * 0.25f).ToArray();
        var block = new byte[34];

        Quantization.EncodeQ8(weights, block);

        Assert.Equal((Half)0.5f, BinaryPrimitives.ReadHalfLittleEndian(block));
        Assert.Equal(-127, (sbyte)block[2 + 5]);
        Assert.Equal([0, 1, 1, 2, 2], block[2..7].Select(code => (int)code)); // halves are rounded away from zero
        Assert.Equal(16, block[33]);
    }

    [Theory]
    [InlineData(0.05f)]
    [InlineData(1f)]
    [InlineData(300f)]
    public void Decode_AfterEncode_StaysWithinHalfAStep(float scale)
    {
        var random = new Random(7);
        var weights = Enumerable.Range(0, 32 * 64).Select(_ => (random.NextSingle() * 2 - 1) * scale).ToArray();
        var decoded = new float[weights.Length];
        var q4 = new byte[18 * 64];
        var q8 = new byte[34 * 64];

        Quantization.EncodeQ4(weights, q4);
        Quantization.DecodeQ4(q4, decoded);
        // One end of the range has 8 steps and the other 7, so a weight there may be a whole step off.
        for (var i = 0; i < weights.Length; i++)
            Assert.InRange(decoded[i], weights[i] - 0.127f * scale, weights[i] + 0.127f * scale);

        Quantization.EncodeQ8(weights, q8);
        Quantization.DecodeQ8(q8, decoded);
        for (var i = 0; i < weights.Length; i++)
            Assert.InRange(decoded[i], weights[i] - 0.0045f * scale, weights[i] + 0.0045f * scale);
    }

    [Fact]
    public void Encode_Zeros_DecodeToZeros()
    {
        var decoded = new float[32];
        var q4 = new byte[18];
        var q8 = new byte[34];

        Quantization.EncodeQ4(new float[32], q4);
        Quantization.DecodeQ4(q4, decoded);
        Assert.All(decoded, weight => Assert.Equal(0, weight));
        Quantization.EncodeQ8(new float[32], q8);
        Quantization.DecodeQ8(q8, decoded);
        Assert.All(decoded, weight => Assert.Equal(0, weight));
    }

    [Fact]
    public void Decode_WrongLengths_Throws() =>
        Assert.Throws<ArgumentException>(() => Quantization.DecodeQ4(new byte[34], new float[32]));

    [Theory]
    [InlineData(GgmlType.F32, 256, 1024)]
    [InlineData(GgmlType.BF16, 256, 512)]
    [InlineData(GgmlType.Q4_0, 256, 144)]
    [InlineData(GgmlType.Q4_1, 256, 160)]
    [InlineData(GgmlType.Q5_0, 256, 176)]
    [InlineData(GgmlType.Q5_1, 256, 192)]
    [InlineData(GgmlType.Q8_0, 256, 272)]
    [InlineData(GgmlType.Q2_K, 256, 84)]
    [InlineData(GgmlType.Q3_K, 256, 110)]
    [InlineData(GgmlType.Q4_K, 256, 144)]
    [InlineData(GgmlType.Q5_K, 256, 176)]
    [InlineData(GgmlType.Q6_K, 256, 210)]
    [InlineData(GgmlType.IQ4_NL, 256, 144)]
    [InlineData(GgmlType.IQ4_XS, 256, 136)]
    public void ByteLength_KnownType_IsGgmls(GgmlType type, long weights, long bytes) => Assert.Equal(bytes, type.ByteLength(weights));
}
