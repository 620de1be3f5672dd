using Gemma3Pocket.Model;
using static TorchSharp.torch;

namespace Gemma3Pocket.Training;

/// <summary>
/// AdamW for embeddings and norms, Muon for matrices: momentum whose singular values are made equal (K. Jordan, 2024), in the size of an
/// Adam step (0.2 x root of the longer side; J. Liu et al., 2025), so that one learning rate does for both.
/// </summary>
internal sealed class Optimizer(WeightLayout layout, bool muon, double weightDecay)
{
    private const double MeanShare = 0.9;
    private const double MuonMeanShare = 0.95;
    private const double VarianceShare = 0.98;
    private const double Epsilon = 1e-10;
    private const double MaxNorm = 1;
    private const int Iterations = 5;

    /// <summary>Changes the weights by one step.</summary>
    /// <param name="state">Weights, mean and variance change; the counters do not.</param>
    /// <param name="gradient">Of all weights; it is clipped in place.</param>
    /// <param name="rate">Learning rate.</param>
    /// <returns>The norm of the gradient before it is clipped.</returns>
    public double Step(TrainingState state, Tensor gradient, double rate)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var norm = gradient.norm().item<float>();
        if (norm > MaxNorm)
            gradient.mul_(MaxNorm / norm);
        // Matrices only: the norms behind them take out their size, and what is not held down grows until the steps are too small for it.
        if (weightDecay > 0)
            state.Weights.narrow(0, 0, layout.MatrixLength).mul_(1 - rate * weightDecay);
        var first = muon ? layout.MatrixLength : 0;
        Adam(state, gradient, first, layout.Length - first, rate);
        if (muon)
            Muon(state, gradient, rate);
        return norm;
    }

    private static void Adam(TrainingState state, Tensor gradient, int first, int length, double rate)
    {
        var part = gradient.narrow(0, first, length);
        var mean = state.Mean.narrow(0, first, length);
        var variance = state.Variance.narrow(0, first, length);
        mean.mul_(MeanShare).add_(part, 1 - MeanShare);
        variance.mul_(VarianceShare).addcmul_(part, part, 1 - VarianceShare);
        // Both means start at zero, and so are too small at first.
        var meanBias = 1 - Math.Pow(MeanShare, state.Step + 1);
        var varianceBias = 1 - Math.Pow(VarianceShare, state.Step + 1);
        var size = variance.sqrt().div_(Math.Sqrt(varianceBias)).add_(Epsilon);
        state.Weights.narrow(0, first, length).addcdiv_(mean, size, -rate / meanBias);
    }

    private void Muon(TrainingState state, Tensor gradient, double rate)
    {
        var part = gradient.narrow(0, 0, layout.MatrixLength);
        var mean = state.Mean.narrow(0, 0, layout.MatrixLength);
        mean.mul_(MuonMeanShare).add_(part, 1 - MuonMeanShare);
        var ahead = part.mul(1 - MuonMeanShare).add_(mean, MuonMeanShare);
        // The same matrix of all layers at once: layers lie at equal distances.
        var layers = layout.Shape.LayerCount;
        var stride = layout.MatrixLength / layers;
        foreach (var slot in layout.Slots.Where(slot => slot.Kind == WeightKind.Matrix && slot.Offset < stride))
        {
            long[] shape = [layers, slot.Height, slot.Width];
            long[] strides = [stride, slot.Width, 1];
            var step = Orthogonal(ahead.as_strided(shape, strides, slot.Offset));
            var size = 0.2 * Math.Sqrt(Math.Max(slot.Height, slot.Width));
            state.Weights.as_strided(shape, strides, slot.Offset).add_(step, -rate * size);
        }
    }

    /// <summary>Brings all singular values near 1 by the quintic iteration of Newton and Schulz.</summary>
    private static Tensor Orthogonal(Tensor matrices)
    {
        var isTall = matrices.shape[1] > matrices.shape[2];
        var x = isTall ? matrices.transpose(1, 2) : matrices;
        x = x / (x.square().sum([1L, 2L], keepdim: true).sqrt() + 1e-7);
        for (var i = 0; i < Iterations; i++)
        {
            var a = x.bmm(x.transpose(1, 2));
            var b = (a * -4.7750).add_(a.bmm(a), 2.0315);
            x = b.bmm(x).add_(x, 3.4445);
        }
        return isTall ? x.transpose(1, 2) : x;
    }
}
