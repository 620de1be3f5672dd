using System.Numerics.Tensors;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests;

public sealed class LlamaCppEmbeddingConformanceTests : EmbeddingConformanceTests
{
    // Measured: rounding moves a state's elements, which are about 1 in size, by up to 0.19 on this checkpoint.
    protected override float Tolerance => 0.6f;

    protected override IModelRuntime Create() => TinyCheckpoint.Load();

    /// <summary>
    /// Gemma 3 ties its output matrix to the embeddings: logits are that matrix times the hidden state. Computed here from the file's own
    /// weights, which shows that the states are those after the final norm, and of the right rows.
    /// </summary>
    [Fact]
    public void HiddenState_TimesTheTiedMatrix_EqualsTheLogits()
    {
        var file = GgufFile.Open(TinyCheckpoint.Path);
        Assert.True(file.TryGetTensor("token_embd.weight", out var tensor));
        Assert.Equal(GgmlType.Q8_0, tensor.Type);
        Assert.False(file.TryGetTensor("output.weight", out _));
        var blocks = new byte[tensor.ByteLength];
        file.ReadTensorData(tensor, 0, blocks);
        var matrix = new float[tensor.ElementCount];
        Quantization.DecodeQ8(blocks, matrix);

        var runtime = (LlamaCppRuntime)Runtime;
        var width = runtime.Model.EmbeddingLength;
        int[] text = [2, .. Enumerable.Range(0, 40).Select(i => Driver.Token(i))];
        Assert.Equal(ForwardStatus.Ok, runtime.ForwardEmbedding(text, 0, text.Length));
        var batch = new ForwardBatch();
        for (var i = 0; i < text.Length; i++) batch.Add(text[i], i, 0, wantLogits: i is 0 or 17 or 40);
        Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
        foreach (var row in new[] { 0, 17, 40 })
        {
            var state = runtime.HiddenState(row).ToArray();
            var byHand = new float[runtime.Model.VocabularySize];
            for (var token = 0; token < byHand.Length; token++)
                byHand[token] = TensorPrimitives.Dot(matrix.AsSpan(token * width, width), state);
            var logits = runtime.Logits(row);
            var likeness = TensorPrimitives.CosineSimilarity(byHand, logits);
            Assert.True(likeness > 0.9995, $"row {row}: {likeness}");
            Assert.Equal(TensorPrimitives.IndexOfMax(byHand), TensorPrimitives.IndexOfMax(logits));
        }
    }

    /// <summary>A context that the plan refuses, here for its length, as it would for want of memory.</summary>
    [Fact]
    public void Forward_ContextThatCannotBe_IsNoSpaceAndShorterTextsStillGo()
    {
        using var runtime = TinyCheckpoint.Load();
        var trained = runtime.Model.TrainedContextLength;
        using var abort = new AbortFlag();
        using var context = new EmbeddingContext(runtime.LoadedModel, TinyCheckpoint.Options, abort, trained + 1, NullLogger.Instance);
        var text = Enumerable.Repeat(300, trained + 1).ToArray();
        Assert.Equal(ForwardStatus.NoSpace, context.Forward(text, 0, 8));
        Assert.True(context.HiddenState(0).IsEmpty);
        Assert.Equal(ForwardStatus.Ok, context.Forward(text.AsSpan(0, 8), 0, 8));
        Assert.False(context.HiddenState(7).IsEmpty);
    }

    [Fact]
    public void ForwardEmbedding_AfterDispose_Throws()
    {
        var runtime = TinyCheckpoint.Load();
        Assert.Equal(ForwardStatus.Ok, runtime.ForwardEmbedding([2, 300], 0, 2));
        runtime.Dispose();
        Assert.True(runtime.HiddenState(0).IsEmpty);
        Assert.Throws<ObjectDisposedException>(() => runtime.ForwardEmbedding([2, 300], 0, 2));
    }
}
