using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class GgufFuzzTests
{
    private const int Mutations = 20_000;
    private const long MostAllocated = 8 << 20;

    [Fact]
    public void Open_MutatedFile_ThrowsOnlyTheTypedExceptionAndAllocatesLittle()
    {
        var original = SmallFile();
        var random = new Random(20_260_101);
        var refused = 0;
        for (var i = 0; i < Mutations; i++)
        {
            var bytes = Mutate(original, random);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var file = GgufBytes.Open(bytes);
                foreach (var (key, value) in file.Metadata)
                {
                    if (value.IsArray && file.ReadTexts(key) is null && file.ReadFloats(key) is null)
                        file.ReadIntegers(key);
                }
                CheckpointInspector.Inspect([file]);
                GemmaCheckpoint.Validate(file);
            }
            catch (GgufException)
            {
                refused++;
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MostAllocated, $"mutation {i} allocated {allocated} bytes");
        }
        Assert.InRange(refused, Mutations / 2, Mutations);
    }

    [Fact]
    public void Open_EveryTruncation_IsRefused()
    {
        var original = SmallFile();
        for (var length = 0; length < original.Length - 32; length++)
            Assert.Throws<GgufException>(() => GgufBytes.Open(original[..length]));
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        var bytes = original.AsSpan(0, random.Next(10) == 0 ? random.Next(original.Length) : original.Length).ToArray();
        for (var times = random.Next(1, 4); times > 0 && bytes.Length >= 8; times--)
        {
            var at = random.Next(bytes.Length - 7);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    BitConverter.TryWriteBytes(bytes.AsSpan(at), (ulong)random.NextInt64() >> random.Next(64));
                    break;
                default:
                    bytes.AsSpan(at, 8).Fill(random.Next(2) == 0 ? (byte)0xFF : (byte)0);
                    break;
            }
        }
        return bytes;
    }

    private static byte[] SmallFile()
    {
        using var stream = new MemoryStream();
        var writer = new GgufWriter(stream);
        writer.Add("general.architecture", "gemma3");
        writer.Add("gemma3.block_count", 2u);
        writer.Add("gemma3.attention.layer_norm_rms_epsilon", 1e-6f);
        writer.Add("tokenizer.ggml.tokens", ["<pad>", "a", "b", "ab"]);
        writer.Add("tokenizer.ggml.scores", [0f, -1, -2, -3]);
        writer.Add("tokenizer.ggml.token_type", [3, 1, 1, 1]);
        writer.Add("tokenizer.ggml.add_bos_token", true);
        writer.AddTensor("token_embd.weight", GgmlType.Q8_0, 32, 4);
        writer.AddTensor("output_norm.weight", GgmlType.F32, 32);
        writer.WriteTensorData(new byte[34 * 4]);
        writer.WriteTensorData(new byte[128]);
        writer.Complete();
        return stream.ToArray();
    }
}
