using System.Runtime.InteropServices;
using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Quantizing;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class CheckpointQuantizerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gemma3server-quantize-").FullName;

    private string Source => Path.Combine(_folder, "f16.gguf");

    private string Target => Path.Combine(_folder, "out.gguf");

    private QuantizeOptions Options => new()
    {
        SourcePath = Source,
        TargetPath = Target,
        Type = GgmlType.Q4_0,
        Threads = 2,
        LibraryDirectory = TestLibrary.Directory,
    };

    public CheckpointQuantizerTests() => SyntheticCheckpoint.Write(GemmaShape.Tiny.InHalfPrecision(), Source, seed: 1);

    [Theory]
    [InlineData(GgmlType.F16, GgmlType.Q4_0)]
    [InlineData(GgmlType.F16, GgmlType.Q8_0)]
    [InlineData(GgmlType.BF16, GgmlType.Q4_0)]
    [InlineData(GgmlType.BF16, GgmlType.Q8_0)]
    public async Task Run_HalfPrecision_GivesTheBytesOfOurOwnEncoder(GgmlType from, GgmlType type)
    {
        if (from == GgmlType.BF16) StoreAsBrainFloat(Source);
        var result = await RunAsync(Options with { Type = type });

        var source = GgufFile.Open(Source);
        var target = GgufFile.Open(Target);
        Assert.Equal(source.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), target.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal));
        foreach (var tensor in target.Tensors)
        {
            Assert.True(source.TryGetTensor(tensor.Name, out var original));
            Assert.True(original.Type == from || original.Type == GgmlType.F32);
            var expected = original.Type == GgmlType.F32 ? GgmlType.F32 : tensor.Name == "token_embd.weight" ? GgmlType.Q8_0 : type;
            Assert.Equal(expected, tensor.Type);
            Assert.True(Encode(Data(source, original), original.Type, expected).AsSpan().SequenceEqual(Data(target, tensor)), tensor.Name);
        }

        Assert.Equal((source.Length, target.Length), (result.SourceBytes, result.TargetBytes));
        Assert.Equal(8d * target.TensorBytes / target.ParameterCount, result.TargetBitsPerWeight);
        Assert.Equal(type == GgmlType.Q4_0 ? 2 : 7, target.GetInteger("general.file_type"));
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { ModelPath = Target });
        Assert.Equal(2048, runtime.Model.VocabularySize);
    }

    [Fact]
    public async Task Run_HalfPrecisionEmbeddings_AreCopied()
    {
        await RunAsync(Options with { EmbeddingType = GgmlType.F16 });

        var (source, target) = (GgufFile.Open(Source), GgufFile.Open(Target));
        Assert.True(source.TryGetTensor("token_embd.weight", out var before) && target.TryGetTensor("token_embd.weight", out var after)
            && after.Type == GgmlType.F16 && Data(source, before).AsSpan().SequenceEqual(Data(target, after)));
    }

    [Fact]
    public async Task Run_Progress_NamesEveryTensorOnce()
    {
        var told = new List<QuantizeProgress>();

        await CheckpointQuantizer.RunAsync(Options, NullLoggerFactory.Instance, told.Add, TestContext.Current.CancellationToken);

        var source = GgufFile.Open(Source);
        Assert.Equal(source.Tensors.Select(t => t.Name).Order(StringComparer.Ordinal), told.Select(step => step.Tensor).Order(StringComparer.Ordinal));
        Assert.Equal(0, told[0].Bytes);
        Assert.All(told.Zip(told.Skip(1)), pair => Assert.True(pair.First.Bytes < pair.Second.Bytes && pair.Second.Bytes < source.TensorBytes));
    }

    [Fact]
    public async Task Run_QuantizedAlready_IsRefusedUnlessAllowed()
    {
        SyntheticCheckpoint.Write(GemmaShape.Tiny, Source, seed: 1, cancellationToken: TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<ModelLoadException>(() => RunAsync(Options));
        Assert.Contains("it is quantized already (token_embd.weight is Q8_0)", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Target));

        await RunAsync(Options with { Type = GgmlType.Q8_0, AllowRequantize = true });
        GemmaCheckpoint.Validate(GgufFile.Open(Target));
    }

    /// <summary>The library asserts here, and so ends the process.</summary>
    [Fact]
    public async Task Run_TypeThatDoesNotDivideTheRows_IsRefused()
    {
        var error = await Assert.ThrowsAsync<ModelLoadException>(() => RunAsync(Options with { EmbeddingType = GgmlType.Q6_K }));

        Assert.Contains("Q6_K needs rows of a multiple of 256, and those of token_embd.weight have 128", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_MissingSource_SaysSo()
    {
        File.Delete(Source);

        Assert.Contains("does not exist", (await Assert.ThrowsAsync<ModelLoadException>(() => RunAsync(Options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_TargetExists_IsKeptUnlessItMayBeReplaced()
    {
        await File.WriteAllTextAsync(Target, "mine", TestContext.Current.CancellationToken);

        await Assert.ThrowsAsync<IOException>(() => RunAsync(Options));
        Assert.Equal("mine", await File.ReadAllTextAsync(Target, TestContext.Current.CancellationToken));

        await RunAsync(Options with { Overwrite = true });
        GemmaCheckpoint.Validate(GgufFile.Open(Target));
    }

    [Fact]
    public async Task Run_TargetIsTheSource_IsRefused() =>
        await Assert.ThrowsAsync<IOException>(() => RunAsync(Options with { TargetPath = Source, Overwrite = true }));

    [Fact]
    public async Task Run_DamagedWeights_LeavesNoFile()
    {
        // A weight that is not a number, which the library finds only while it works.
        var file = GgufFile.Open(Source);
        Assert.True(file.TryGetTensor("blk.3.ffn_up.weight", out var tensor));
        await using (var stream = new FileStream(Source, FileMode.Open))
        {
            stream.Position = tensor.Offset;
            stream.Write([0x00, 0x7E]);
        }

        await Assert.ThrowsAsync<ModelLoadException>(() => RunAsync(Options));

        Assert.Equal([Source], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task Run_Cancelled_LeavesNoFile()
    {
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => CheckpointQuantizer.RunAsync(Options, NullLoggerFactory.Instance, _ => stop.Cancel(), stop.Token));

        Assert.Equal([Source], Directory.GetFiles(_folder));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Task<QuantizeResult> RunAsync(QuantizeOptions options) =>
        CheckpointQuantizer.RunAsync(options, NullLoggerFactory.Instance, cancellationToken: TestContext.Current.CancellationToken);

    private static byte[] Data(GgufFile file, GgufTensor tensor)
    {
        var data = new byte[tensor.ByteLength];
        file.ReadTensorData(tensor, 0, data);
        return data;
    }

    private static byte[] Encode(byte[] stored, GgmlType from, GgmlType type)
    {
        if (type == GgmlType.F32) return stored;
        float[] weights = [.. MemoryMarshal.Cast<byte, ushort>(stored).ToArray().Select(bits =>
            from == GgmlType.BF16 ? BitConverter.UInt32BitsToSingle((uint)bits << 16) : (float)BitConverter.UInt16BitsToHalf(bits))];
        var blocks = new byte[type.ByteLength(weights.Length)];
        if (type == GgmlType.Q4_0) Quantization.EncodeQ4(weights, blocks);
        else Quantization.EncodeQ8(weights, blocks);
        return blocks;
    }

    /// <summary>Turns the F16 tensors of a file into BF16 where they stand: both have two bytes a weight.</summary>
    private static void StoreAsBrainFloat(string path)
    {
        var file = GgufFile.Open(path);
        var bytes = File.ReadAllBytes(path);
        foreach (var tensor in file.Tensors.Where(tensor => tensor.Type == GgmlType.F16))
        {
            // Name, number of dimensions (4 bytes), dimensions (8 bytes each), type.
            byte[] name = [.. BitConverter.GetBytes((ulong)tensor.Name.Length), .. Encoding.ASCII.GetBytes(tensor.Name)];
            var type = bytes.AsSpan().IndexOf(name) + name.Length + 4 + 8 * tensor.Dimensions.Count;
            Assert.Equal((int)GgmlType.F16, BitConverter.ToInt32(bytes, type));
            BitConverter.TryWriteBytes(bytes.AsSpan(type), (int)GgmlType.BF16);
            foreach (ref var bits in MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan((int)tensor.Offset, (int)tensor.ByteLength)))
                bits = (ushort)(BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf(bits)) >> 16);
        }

        File.WriteAllBytes(path, bytes);
    }
}
