using System.Runtime.InteropServices;
using Gemma3Pocket.Model;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using static TorchSharp.torch;

namespace Gemma3Pocket.Training;

/// <summary>The weights as the quantized file will hold them: through the very encoder that writes it, and back.</summary>
/// <remarks>
/// The model runs on these, and the gradient that it gets for them is applied to the weights in full precision: a straight-through
/// estimator. The matrices lie side by side in the flat vector and have rows of whole blocks, so that its blocks are those of the file.
/// </remarks>
internal static class FakeQuantization
{
    private const int SliceBlocks = 1024;

    /// <summary>Writes the matrices through Q4_0, the embeddings through Q8_0 and the norms as they are.</summary>
    public static void Apply(WeightLayout layout, Tensor weights, Tensor quantized)
    {
        Slices(weights, quantized, 0, layout.MatrixLength, 18, (source, blocks, destination) =>
        {
            Quantization.EncodeQ4(source, blocks);
            Quantization.DecodeQ4(blocks, destination);
        });
        Slices(weights, quantized, layout.MatrixLength, layout.NormOffset - layout.MatrixLength, 34, (source, blocks, destination) =>
        {
            Quantization.EncodeQ8(source, blocks);
            Quantization.DecodeQ8(blocks, destination);
        });
        var norms = layout.NormOffset * sizeof(float);
        weights.bytes[norms..].CopyTo(quantized.bytes[norms..]);
    }

    private delegate void Coder(ReadOnlySpan<float> source, Span<byte> blocks, Span<float> destination);

    private static void Slices(Tensor source, Tensor destination, int first, int length, int blockBytes, Coder coder)
    {
        var count = length / Quantization.BlockLength;
        Parallel.For(0, (count + SliceBlocks - 1) / SliceBlocks, slice =>
        {
            var blocks = Math.Min(SliceBlocks, count - slice * SliceBlocks);
            var start = first + slice * SliceBlocks * Quantization.BlockLength;
            coder(
                Floats(source).Slice(start, blocks * Quantization.BlockLength),
                new byte[blocks * blockBytes],
                Floats(destination).Slice(start, blocks * Quantization.BlockLength));
        });
    }

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
