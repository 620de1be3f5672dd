using System.Runtime.InteropServices;
using Gemma3Server.Runtime.ConformanceTests.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;
using Gemma3Server.Runtime.LlamaCpp.Quantizing;
using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class CheckpointRepackerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gemma3server-repack-").FullName;

    private string Source => Path.Combine(_folder, "source.gguf");

    private string Target => Path.Combine(_folder, "sub", "target.gguf");

    [Fact]
    public void Run_SickFile_QuantizesTheEmbeddingsMendsTheTokenizerAndKeepsTheRest()
    {
        Synthesize(GemmaShape.Tiny with { EmbeddingType = GgmlType.F16 });
        SickCheckpoint.MarkAsText(Source, VocabularyLayout.StartOfTurn, VocabularyLayout.EndOfTurn);
        SickCheckpoint.RenameKey(Source, "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eox_token_id");

        var result = Run(GgmlType.Q8_0);

        var (source, target) = (GgufFile.Open(Source), GgufFile.Open(Target));
        Assert.Equal(new RepackResult(source.Length, target.Length, 2, true), result);
        Assert.Empty(CheckpointInspector.Inspect(Target).Findings);
        foreach (var tensor in target.Tensors)
        {
            Assert.True(source.TryGetTensor(tensor.Name, out var original));
            var expected = tensor.Name == "token_embd.weight" ? EncodeQ8(Data(source, original)) : Data(source, original);
            Assert.True(expected.AsSpan().SequenceEqual(Data(target, tensor)), tensor.Name);
        }

        Assert.Equal(source.Metadata.Keys.Append("tokenizer.ggml.eot_token_id").Order(), target.Metadata.Keys.Order());
        Assert.All(
            source.Metadata.Where(value => value.Key != "tokenizer.ggml.token_type"),
            value => Assert.Equal(value.Value.ToString(), target.Metadata[value.Key].ToString()));
        Assert.Equal(source.ReadTexts("tokenizer.ggml.tokens"), target.ReadTexts("tokenizer.ggml.tokens"));
        Assert.Equal(source.ReadFloats("tokenizer.ggml.scores"), target.ReadFloats("tokenizer.ggml.scores"));
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { ModelPath = Target });
        Assert.Contains(VocabularyLayout.EndOfTurn, runtime.Tokenizer.EndOfGeneration);
    }

    [Fact]
    public void Run_SixBits_LoadsAndStaysNearTheSource()
    {
        Synthesize(GemmaShape.Tiny with { EmbeddingLength = 256, EmbeddingType = GgmlType.F16 });

        Run(GgmlType.Q6_K);

        var target = GgufFile.Open(Target);
        Assert.True(target.TryGetTensor("token_embd.weight", out var embeddings));
        Assert.Equal((GgmlType.Q6_K, 256L * 2048 / 256 * 210), (embeddings.Type, embeddings.ByteLength));
        Assert.InRange(Distance(FirstLogits(Source), FirstLogits(Target)), 0.0001, 0.1);
    }

    [Theory]
    [InlineData(GgmlType.Q8_0, GgmlType.Q6_K, "its embeddings are Q8_0 already")]
    [InlineData(GgmlType.F16, GgmlType.Q6_K, "Q6_K needs rows of a multiple of 256, and its embeddings have 128")]
    public void Run_WhatCannotBe_IsRefusedAndNothingIsWritten(GgmlType stored, GgmlType asked, string message)
    {
        Synthesize(GemmaShape.Tiny with { EmbeddingType = stored });
        Assert.Contains(message, Assert.Throws<ModelLoadException>(() => Run(asked)).Message, StringComparison.Ordinal);
        Assert.Equal([Source], Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Run_NumbersThatAreNotFinite_AreRefusedAndNothingIsLeft()
    {
        Synthesize(GemmaShape.Tiny with { EmbeddingType = GgmlType.F16 });
        Assert.True(GgufFile.Open(Source).TryGetTensor("token_embd.weight", out var embeddings));
        using (var stream = File.OpenWrite(Source))
        {
            stream.Position = embeddings.Offset + 40_000;
            stream.Write(BitConverter.GetBytes(Half.NaN));
        }

        Assert.Contains("not finite", Assert.Throws<ModelLoadException>(() => Run(GgmlType.Q8_0)).Message, StringComparison.Ordinal);
        Assert.Equal([Source], Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Run_TargetIsTheSourceOrThere_IsRefused()
    {
        Synthesize(GemmaShape.Tiny with { EmbeddingType = GgmlType.F16 });
        Run(GgmlType.Q8_0);
        Assert.Contains("it exists already", Assert.Throws<IOException>(() => Run(GgmlType.Q8_0)).Message, StringComparison.Ordinal);
        Assert.Contains("it is the file that is read", Assert.Throws<IOException>(() => Run(GgmlType.Q8_0, Source)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Synthesize(GemmaShape shape) => SyntheticCheckpoint.Write(shape, Source, seed: 1, cancellationToken: TestContext.Current.CancellationToken);

    private RepackResult Run(GgmlType type, string? target = null) => CheckpointRepacker.Run(
        new() { SourcePath = Source, TargetPath = target ?? Target, EmbeddingType = type, LibraryDirectory = TestLibrary.Directory },
        NullLoggerFactory.Instance, cancellationToken: TestContext.Current.CancellationToken);

    private static float[] FirstLogits(string path)
    {
        using var runtime = TinyCheckpoint.Load(TinyCheckpoint.Options with { ModelPath = path });
        var batch = new ForwardBatch();
        batch.Add(runtime.Tokenizer.BeginOfSequence, 0, 0, wantLogits: true);
        Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
        return runtime.Logits(0).ToArray();
    }

    /// <summary>Root mean square of the differences, against that of the values.</summary>
    private static double Distance(float[] left, float[] right) =>
        Math.Sqrt(left.Zip(right, (a, b) => (double)(a - b) * (a - b)).Sum() / left.Sum(a => (double)a * a));

    private static byte[] EncodeQ8(byte[] halves)
    {
        var weights = MemoryMarshal.Cast<byte, Half>(halves).ToArray().Select(half => (float)half).ToArray();
        var blocks = new byte[weights.Length / 32 * 34];
        Quantization.EncodeQ8(weights, blocks);
        return blocks;
    }

    private static byte[] Data(GgufFile file, GgufTensor tensor)
    {
        var bytes = new byte[tensor.ByteLength];
        file.ReadTensorData(tensor, 0, bytes);
        return bytes;
    }
}
