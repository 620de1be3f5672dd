using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Evaluation;

/// <summary>Scores rows of logits: log-likelihood of a token, and how far a model's distribution is from the reference's.</summary>
/// <remarks>
/// <para>With logits z, ln p(i) = z(i) - max z - ln sum exp(z - max z) (the log-softmax, shifted so that nothing overflows); and
/// KL(P || Q) = sum p (ln p - ln q) = sum p (z_p - z_q) - (lse_p - lse_q) (Kullback and Leibler, 1951).</para>
/// <para>Exponentials are 32-bit, as the logits are; all sums are 64-bit: over 262,144 terms 32-bit sums would lose the digits in which
/// good quantizations differ. The result is good to some 1e-7 nats.</para>
/// <para>Not thread-safe; it holds the reference of the row that is being scored.</para>
/// </remarks>
internal sealed class RowScorer(int vocabularySize)
{
    private readonly float[] _referenceWeights = new float[vocabularySize];
    private readonly float[] _weights = new float[vocabularySize];
    private double _referenceSum;
    private double _referenceLogSum;
    private int _referenceBest;

    /// <summary>Scores the reference's row and keeps its distribution for <see cref="Compare"/>.</summary>
    public RowScore Reference(ReadOnlySpan<float> logits, int token)
    {
        (_referenceSum, _referenceLogSum) = Exponentials(logits, _referenceWeights);
        _referenceBest = TensorPrimitives.IndexOfMax(logits);
        return new(_referenceLogSum - logits[token], 0, true);
    }

    /// <summary>Scores a model's row by itself.</summary>
    public RowScore Score(ReadOnlySpan<float> logits, int token) => new(Exponentials(logits, _weights).LogSum - logits[token], 0, false);

    /// <summary>Scores a model's row against the last one given to <see cref="Reference"/>.</summary>
    /// <param name="logits">The model's row.</param>
    /// <param name="reference">The reference's row.</param>
    /// <param name="token">The token that follows.</param>
    public RowScore Compare(ReadOnlySpan<float> logits, ReadOnlySpan<float> reference, int token)
    {
        var logSum = Exponentials(logits, _weights).LogSum;
        var difference = WeightedDifference(_referenceWeights, reference, logits) / _referenceSum;

        // Rounding may make a divergence of nothing a little less than nothing.
        var divergence = Math.Max(0, difference - (_referenceLogSum - logSum));
        return new(logSum - logits[token], divergence, TensorPrimitives.IndexOfMax(logits) == _referenceBest);
    }

    private static (double Sum, double LogSum) Exponentials(ReadOnlySpan<float> logits, float[] weights)
    {
        var most = TensorPrimitives.Max(logits);
        TensorPrimitives.Subtract(logits, most, weights);
        TensorPrimitives.Exp(weights, weights);
        var sum = Sum(weights);
        return (sum, most + Math.Log(sum));
    }

    private static double Sum(ReadOnlySpan<float> values)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(values);
        var (even, odd) = (Vector<double>.Zero, Vector<double>.Zero);
        foreach (var vector in vectors)
        {
            Vector.Widen(vector, out var low, out var high);
            even += low;
            odd += high;
        }

        var sum = Vector.Sum(even + odd);
        foreach (var value in values[(vectors.Length * Vector<float>.Count)..]) sum += value;
        return sum;
    }

    /// <summary>The sum of weight x (a - b).</summary>
    private static double WeightedDifference(ReadOnlySpan<float> weights, ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var weightVectors = MemoryMarshal.Cast<float, Vector<float>>(weights);
        var aVectors = MemoryMarshal.Cast<float, Vector<float>>(a);
        var bVectors = MemoryMarshal.Cast<float, Vector<float>>(b);
        var (even, odd) = (Vector<double>.Zero, Vector<double>.Zero);
        for (var i = 0; i < weightVectors.Length; i++)
        {
            Vector.Widen(weightVectors[i], out var weightLow, out var weightHigh);
            Vector.Widen(aVectors[i], out var aLow, out var aHigh);
            Vector.Widen(bVectors[i], out var bLow, out var bHigh);
            even += weightLow * (aLow - bLow);
            odd += weightHigh * (aHigh - bHigh);
        }

        var sum = Vector.Sum(even + odd);
        for (var i = weightVectors.Length * Vector<float>.Count; i < weights.Length; i++) sum += weights[i] * ((double)a[i] - b[i]);
        return sum;
    }
}
