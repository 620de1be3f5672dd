using System.Runtime.InteropServices;
using Gemma3Pocket.Model;
using static TorchSharp.torch;

namespace Gemma3Pocket.Tests.Support;

/// <summary>Weights that no training made: matrices and embeddings of the size of a fresh model, norms well away from 1.</summary>
internal static class RandomModel
{
    /// <param name="layout">Order of the weights.</param>
    /// <param name="seed">Which weights.</param>
    /// <param name="isHalf">Whether what the F16 file stores in 16 bits is a 16-bit float already.</param>
    public static Tensor Weights(WeightLayout layout, int seed, bool isHalf = false)
    {
        var random = new Random(seed);
        var values = new float[layout.Length];
        foreach (var slot in layout.Slots)
        {
            var size = slot.Kind == WeightKind.Norm ? 0.3 : 1 / Math.Sqrt(slot.Width);
            foreach (ref var value in values.AsSpan(slot.Offset, slot.Length))
            {
                value = (float)(size * Normal(random));
                if (isHalf && slot.Kind != WeightKind.Norm)
                    value = (float)(Half)value;
            }
        }
        return tensor(values);
    }

    public static ReadOnlySpan<float> Floats(Tensor weights) => MemoryMarshal.Cast<byte, float>(weights.bytes);

    private static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
