using System.Runtime.InteropServices;
using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Export;
using Gemma3Pocket.Model;
using Gemma3Pocket.Tests.Support;
using Gemma3Pocket.Training;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using static TorchSharp.torch;

namespace Gemma3Pocket.Tests.Training;

public sealed class FakeQuantizationTests
{
    [Fact]
    public void Apply_RandomWeights_GivesTheWeightsOfTheWrittenFile()
    {
        Libtorch.Require();
        using var folder = new TemporaryFolder();
        var vocabulary = PocketVocabulary.Load();
        var layout = new WeightLayout(PocketShape.Of(vocabulary.Count));
        using var weights = RandomModel.Weights(layout, 5);
        using var quantized = zeros_like(weights);

        FakeQuantization.Apply(layout, weights, quantized);

        PocketCheckpoint.Write(folder["model.gguf"], layout, RandomModel.Floats(weights), vocabulary, isQuantized: true, isQuantizationAware: true);
        var file = GgufFile.Open(folder["model.gguf"]);
        Assert.Equal(layout.Slots.Count, file.Tensors.Count);
        foreach (var slot in layout.Slots)
        {
            Assert.True(file.TryGetTensor(slot.Name, out var tensor), slot.Name);
            var actual = RandomModel.Floats(quantized).Slice(slot.Offset, slot.Length).ToArray();
            // The file has a norm's factor, the model its distance from 1.
            if (slot.Kind == WeightKind.Norm)
                actual = [.. actual.Select(weight => 1 + weight)];
            Assert.True(Decoded(file, tensor).SequenceEqual(MemoryMarshal.AsBytes(actual.AsSpan())), slot.Name);
        }
    }

    private static ReadOnlySpan<byte> Decoded(GgufFile file, GgufTensor tensor)
    {
        var bytes = new byte[tensor.ByteLength];
        file.ReadTensorData(tensor, 0, bytes);
        if (tensor.Type == GgmlType.F32)
            return bytes;
        var weights = new float[tensor.ElementCount];
        if (tensor.Type == GgmlType.Q4_0)
            Quantization.DecodeQ4(bytes, weights);
        else
            Quantization.DecodeQ8(bytes, weights);
        return MemoryMarshal.AsBytes(weights.AsSpan());
    }
}
