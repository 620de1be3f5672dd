using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class CheckpointInspectorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gemma3server-inspect-").FullName;

    [Fact]
    public void Inspect_Tiny_CountsEveryTensorOnceByTypeAndByRole()
    {
        var path = TinyCheckpoint.Path;
        var inspection = CheckpointInspector.Inspect(path);

        var file = GgufFile.Open(path);
        Assert.Equal(("gemma3", "tiny", null), (inspection.Architecture, inspection.PublishedShape, inspection.Refusal));
        Assert.Equal((file.Length, file.TensorBytes, file.ParameterCount), (inspection.FileBytes, inspection.TensorBytes, inspection.Weights));
        foreach (var shares in (IReadOnlyList<StorageShare>[])[inspection.ByType, inspection.ByRole])
        {
            Assert.Equal(
                (file.Tensors.Count, file.ParameterCount, file.TensorBytes),
                (shares.Sum(share => share.Tensors), shares.Sum(share => share.Weights), shares.Sum(share => share.Bytes)));
        }

        Assert.Equal(["F32", "Q4_0", "Q8_0"], inspection.ByType.Select(share => share.Name).Order(StringComparer.Ordinal));
        Assert.Equal(4.5, inspection.ByType.Single(share => share.Name == "Q4_0").BitsPerWeight);
        Assert.Equal(["Attention", "FeedForward", "Norms", "TokenEmbeddings"], inspection.ByRole.Select(share => share.Name).Order(StringComparer.Ordinal));
        Assert.Equal((2048, 106L, "6"), (inspection.VocabularySize, inspection.SpecialTokens["eot"], inspection.Shape["block_count"]));
        Assert.Empty(inspection.Findings);
    }

    [Fact]
    public void Inspect_HalfPrecisionEmbeddingsBesideQ4_OffersWhatTheWidthAllows()
    {
        var finding = Assert.Single(CheckpointInspector.Inspect(Write(GemmaShape.Tiny with { EmbeddingType = GgmlType.F16 })).Findings);
        Assert.Equal(("embeddings_f16", true), (finding.Code, finding.Repackable));
        Assert.Contains("Q8_0 saves", finding.Advice, StringComparison.Ordinal);
        Assert.DoesNotContain("Q6_K", finding.Advice, StringComparison.Ordinal); // rows of 128 are no blocks of 256
    }

    [Fact]
    public void Inspect_FullPrecision_IsNoFault() => Assert.Empty(CheckpointInspector.Inspect(Write(GemmaShape.Tiny.InHalfPrecision())).Findings);

    [Fact]
    public void Inspect_ControlTokensMarkedAsText_NamesThem()
    {
        var path = Write(GemmaShape.Tiny);
        SickCheckpoint.MarkAsText(path, VocabularyLayout.StartOfTurn, VocabularyLayout.EndOfTurn);

        var finding = Assert.Single(CheckpointInspector.Inspect(path).Findings);
        Assert.Equal("control_token_types", finding.Code);
        Assert.Contains("<start_of_turn>, <end_of_turn>", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_NoEndOfTurnId_SaysSo()
    {
        var path = Write(GemmaShape.Tiny);
        SickCheckpoint.RenameKey(path, "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eox_token_id");
        Assert.Equal("end_of_turn_unnamed", Assert.Single(CheckpointInspector.Inspect(path).Findings).Code);
    }

    [Fact]
    public void Inspect_SizeThatSeesImages_MissesTheProjectorUntilItIsThere()
    {
        // The width of 4B alone decides.
        var path = Write(GemmaShape.Tiny with { EmbeddingLength = 2560, FeedForwardLength = 64, LayerCount = 1 });
        Assert.Equal("projector_missing", Assert.Single(CheckpointInspector.Inspect(path).Findings).Code);

        File.WriteAllBytes(Path.Combine(_folder, "mmproj-model-f16-4B.gguf"), []);
        Assert.Empty(CheckpointInspector.Inspect(path).Findings);
    }

    [Fact]
    public void Inspect_OtherArchitecture_IsToldWithTheRefusal()
    {
        var path = Path.Combine(_folder, "other.gguf");
        using (var stream = File.Create(path))
        {
            var writer = new GgufWriter(stream);
            writer.Add("general.architecture", "clip");
            writer.AddTensor("v.patch_embd.weight", GgmlType.F32, 4);
            writer.WriteTensorData(new byte[16]);
            writer.Complete();
        }

        var inspection = CheckpointInspector.Inspect(path);
        Assert.Equal(("clip", "Other"), (inspection.Architecture, Assert.Single(inspection.ByRole).Name));
        Assert.Contains("cannot be served", inspection.Refusal!, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspect_SplitCheckpoint_AddsItsPartsUpAndMissesNone()
    {
        for (var part = 0; part < 2; part++)
        {
            using var stream = File.Create(Path.Combine(_folder, $"two-0000{part + 1}-of-00002.gguf"));
            var writer = new GgufWriter(stream);
            writer.Add("general.architecture", "gemma3");
            writer.Add("split.no", (uint)part);
            writer.Add("split.count", 2u);
            writer.Add("split.tensors.count", 2u);
            writer.AddTensor($"blk.{part}.attn_q.weight", GgmlType.F32, 4);
            writer.WriteTensorData(new byte[16]);
            writer.Complete();
        }

        var second = Path.Combine(_folder, "two-00002-of-00002.gguf");
        Assert.Equal((2, 8L), (CheckpointInspector.Inspect(second).Files.Count, CheckpointInspector.Inspect(second).Weights));
        File.Delete(Path.Combine(_folder, "two-00001-of-00002.gguf"));
        Assert.Contains("two-00001-of-00002.gguf", Assert.Throws<GgufException>(() => CheckpointInspector.Inspect(second)).Message, StringComparison.Ordinal);
        File.Move(second, Path.Combine(_folder, "renamed.gguf"));
        Assert.Contains("part 2 of 2", Assert.Throws<GgufException>(() => CheckpointInspector.Inspect(Path.Combine(_folder, "renamed.gguf"))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(GemmaShape shape)
    {
        var path = Path.Combine(_folder, "model.gguf");
        SyntheticCheckpoint.Write(shape, path, seed: 1);
        return path;
    }
}
