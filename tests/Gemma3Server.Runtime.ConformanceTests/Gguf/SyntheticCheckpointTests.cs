using System.Security.Cryptography;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class SyntheticCheckpointTests
{
    private static readonly byte[] Tiny = Write(GemmaShape.Tiny, 0);

    [Fact]
    public void Write_Tiny_IsASmallValidGemmaCheckpoint()
    {
        var file = GgufBytes.Open(Tiny);

        GemmaCheckpoint.Validate(file);

        Assert.InRange(Tiny.Length, 500_000, 2_000_000);
        Assert.Equal("gemma3", file.Architecture);
        Assert.Equal(64, file.GetInteger("gemma3.attention.sliding_window"));
        Assert.Equal(6, file.GetInteger("gemma3.block_count"));
        Assert.Equal(2, file.GetInteger("general.file_type"));
        Assert.True(file.Metadata["tokenizer.ggml.add_bos_token"].AsBool());
        Assert.False(file.Metadata["tokenizer.ggml.add_space_prefix"].AsBool());
        Assert.Contains("<start_of_turn>", file.GetText("tokenizer.chat_template"), StringComparison.Ordinal);
        Assert.False(file.Metadata.ContainsKey("gemma3.rope.scaling.type"));
        Assert.True(file.TryGetTensor("token_embd.weight", out var embeddings));
        Assert.Equal(GgmlType.Q8_0, embeddings.Type);
        Assert.Equal([128L, 2048L], embeddings.Dimensions);
        Assert.False(file.TryGetTensor("output.weight", out _));
        Assert.All(file.Tensors, tensor => Assert.Equal(
            tensor.Name.EndsWith("norm.weight", StringComparison.Ordinal) ? GgmlType.F32
            : tensor.Name == "token_embd.weight" ? GgmlType.Q8_0
            : GgmlType.Q4_0, tensor.Type));
    }

    [Fact]
    public void Write_SameSeed_SameBytesAndAnotherSeedOthers()
    {
        Assert.Equal(SHA256.HashData(Tiny), SHA256.HashData(Write(GemmaShape.Tiny, 0)));
        Assert.NotEqual(SHA256.HashData(Tiny), SHA256.HashData(Write(GemmaShape.Tiny, 1)));
    }

    [Theory]
    [InlineData(GgmlType.Q8_0)]
    [InlineData(GgmlType.F16)]
    public void WriteTensorData_SmallChunks_SameBytes(GgmlType embeddings)
    {
        // Chunks and threads only cut the work: with chunks of a few rows every tensor must come out the same.
        var shape = GemmaShape.Tiny with { EmbeddingType = embeddings };
        foreach (var tensor in SyntheticTensor.Of(shape, VocabularyLayout.Of(shape.VocabularySize)).Take(3))
            Assert.Equal(Data(tensor, 1 << 24), Data(tensor, 5000));
    }

    [Fact]
    public void Write_HalfPrecisionEmbeddings_HaveTheSameSpread()
    {
        var file = GgufBytes.Open(Write(GemmaShape.Tiny with { EmbeddingType = GgmlType.F16 }, 0));
        Assert.True(file.TryGetTensor("token_embd.weight", out var tensor));
        var data = new byte[256 * 1024];

        file.ReadTensorData(tensor, VocabularyLayout.FirstPiece * 256L, data);

        var weights = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, Half>(data).ToArray().Select(half => (float)half).ToArray();
        AssertSpread(weights, 1 / MathF.Sqrt(128));
    }

    [Theory]
    [InlineData(GgmlType.Q4_0)]
    [InlineData(GgmlType.Q8_0)]
    public void RandomBlocks_ManyWeights_HaveZeroMeanAndTheAskedDeviation(GgmlType type)
    {
        var blocks = new byte[4096 * type.BlockBytes()];
        var weights = new float[4096 * 32];

        RandomBlocks.Fill(blocks, type, key: 5, firstBlock: 0, deviation: 0.02f);
        if (type == GgmlType.Q4_0)
            Quantization.DecodeQ4(blocks, weights);
        else
            Quantization.DecodeQ8(blocks, weights);

        AssertSpread(weights, 0.02f);
        Assert.True(MathF.Abs(weights.Min() + weights.Max()) < 1e-6f, "the range is not symmetric");
    }

    [Fact]
    public void Write_File_AppearsCompleteWithProgress()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("tiny.gguf");
        var last = default(SyntheticCheckpointProgress);

        SyntheticCheckpoint.Write(GemmaShape.Tiny, path, 0, new Reporter(value => last = value), TestContext.Current.CancellationToken);

        Assert.Equal(Tiny, File.ReadAllBytes(path));
        Assert.Equal(last.TotalBytes, new FileInfo(path).Length);
        Assert.InRange(last.TotalBytes - last.BytesWritten, 0, 32);
        Assert.Single(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void Write_FolderIsMissing_CreatesIt()
    {
        using var directory = new TemporaryDirectory();
        var path = Path.Combine(directory.Path, "new", "deep", "tiny.gguf");
        SyntheticCheckpoint.Write(GemmaShape.Tiny, path, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Tiny, File.ReadAllBytes(path));
    }

    [Fact]
    public void Write_PathIsAFolder_SaysSoBeforeWriting()
    {
        using var directory = new TemporaryDirectory();
        var started = false;
        foreach (var path in (string[])[directory.Path, directory.Path + "/", directory.File("missing") + "/"])
        {
            var error = Assert.Throws<IOException>(() => SyntheticCheckpoint.Write(
                GemmaShape.Tiny, path, 0, new Reporter(_ => started = true), TestContext.Current.CancellationToken));
            Assert.Contains("is a folder", error.Message, StringComparison.Ordinal);
        }

        Assert.False(started);
        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Fact]
    public void WriteTo_LengthIsRefused_WritesNothing()
    {
        using var stream = new MemoryStream();
        var error = Assert.Throws<IOException>(() => SyntheticCheckpoint.WriteTo(
            stream, GemmaShape.Tiny, 0, null, CancellationToken.None, length => SyntheticCheckpoint.RequireSpace(length, length - 1)));
        Assert.Contains("the disk has", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, stream.Length);
        SyntheticCheckpoint.WriteTo(stream, GemmaShape.Tiny, 0, null, CancellationToken.None, length => SyntheticCheckpoint.RequireSpace(length, length));
        Assert.Equal(Tiny, stream.ToArray());
    }

    [Fact]
    public void Write_Cancelled_LeavesNothing()
    {
        using var directory = new TemporaryDirectory();
        using var cancellation = new CancellationTokenSource();
        var path = directory.File("tiny.gguf");

        Assert.ThrowsAny<OperationCanceledException>(
            () => SyntheticCheckpoint.Write(GemmaShape.Tiny, path, 0, new Reporter(_ => cancellation.Cancel()), cancellation.Token));

        Assert.Empty(Directory.GetFileSystemEntries(directory.Path));
    }

    [Theory]
    [InlineData("tiny", 2_000_000, 2_100_000)]
    [InlineData("270M", 268_000_000, 269_000_000)]
    [InlineData("1b", 999_000_000, 1_001_000_000)]
    [InlineData("4b", 3_870_000_000, 3_890_000_000)]
    [InlineData("12b", 11_700_000_000, 11_800_000_000)]
    [InlineData("27b", 26_900_000_000, 27_100_000_000)]
    public void TryGet_PublishedName_HasThePublishedNumberOfWeights(string name, long least, long most)
    {
        Assert.True(GemmaShape.TryGet(name, out var shape));

        var weights = SyntheticTensor.Of(shape, VocabularyLayout.Of(shape.VocabularySize)).Sum(tensor => (long)tensor.Width * Math.Max(1, tensor.Height));

        Assert.InRange(weights, least, most);
        Assert.Contains(name.ToUpperInvariant(), GemmaShape.Names.Select(known => known.ToUpperInvariant()));
    }

    [Fact]
    public void TryGet_UnknownName_IsFalse() => Assert.False(GemmaShape.TryGet("2b", out _));

    private static byte[] Write(GemmaShape shape, ulong seed)
    {
        using var stream = new MemoryStream();
        SyntheticCheckpoint.WriteTo(stream, shape, seed, null, CancellationToken.None);
        return stream.ToArray();
    }

    private static byte[] Data(SyntheticTensor tensor, int chunkBytes)
    {
        using var stream = new MemoryStream();
        var writer = new GgufWriter(stream);
        writer.AddTensor(tensor.Name, tensor.Type, tensor.Width, Math.Max(1, tensor.Height));
        using var data = new SyntheticTensorData(chunkBytes, CancellationToken.None);
        data.Write(writer, tensor, key: 99, _ => { });
        writer.Complete();
        return stream.ToArray();
    }

    private static void AssertSpread(float[] weights, float deviation)
    {
        var mean = weights.Average();
        var actual = MathF.Sqrt(weights.Average(weight => weight * weight));
        Assert.InRange(mean, -0.02f * deviation, 0.02f * deviation);
        Assert.InRange(actual, 0.95f * deviation, 1.05f * deviation);
    }

    private sealed class Reporter(Action<SyntheticCheckpointProgress> report) : IProgress<SyntheticCheckpointProgress>
    {
        public void Report(SyntheticCheckpointProgress value) => report(value);
    }

    private sealed class TemporaryDirectory : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("gguf").FullName;

        public string File(string name) => System.IO.Path.Combine(Path, name);

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}
