using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// The weights exp((logit - top) * scale) of the tokens whose logit lies in a range, summed by block: enough to draw a token from thousands
/// without listing them.
/// </summary>
internal readonly ref struct BlockWeights
{
    private readonly LogitRow _row;
    private readonly ReadOnlySpan<float> _sums;
    private readonly float _low;
    private readonly float _high;
    private readonly float _top;
    private readonly float _scale;

    private BlockWeights(BlockMaxima maxima, float low, float high, float top, float scale, SamplerScratch scratch)
    {
        _row = maxima.Row;
        (_low, _high, _top, _scale) = (low, high, top, scale);

        // The sums of the blocks, each relative to the block's own reference, become relative to the top.
        var sums = scratch.Sums(_row.Blocks);
        var references = scratch.References(_row.Blocks);
        TensorPrimitives.Min(maxima.Values, high, references);
        TensorPrimitives.Subtract(references, top, references);
        TensorPrimitives.Multiply(references, scale, references);
        scratch.Passes.Exp(references);
        TensorPrimitives.Multiply(sums, references, sums);
        _sums = sums;
        foreach (var sum in sums) Total += sum;
    }

    /// <summary>The sum of all.</summary>
    public double Total { get; }

    /// <summary>All tokens of the row, with the sums that <see cref="BlockMaxima.WithSums"/> has just made with the same scale.</summary>
    public static BlockWeights FromSums(BlockMaxima maxima, float scale, SamplerScratch scratch) =>
        new(maxima, float.NegativeInfinity, float.PositiveInfinity, maxima.Max, scale, scratch);

    /// <summary>
    /// The tokens from <paramref name="low"/> to <paramref name="high"/>; none of them may be above <paramref name="top"/>. Takes the place of
    /// earlier weights from the same scratch.
    /// </summary>
    public static BlockWeights Between(BlockMaxima maxima, float low, float high, float top, float scale, SamplerScratch scratch)
    {
        scratch.Passes.Sums(maxima.Row, maxima.Values, low, high, scale, scratch.Sums(maxima.Row.Blocks));
        return new(maxima, low, high, top, scale, scratch);
    }

    /// <summary>The token at a fraction of the total, in order of token id.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Draw(double fraction)
    {
        var target = fraction * Total;
        var last = 0;
        var block = 0;
        for (; block < _sums.Length; block++)
        {
            if (_sums[block] <= 0f) continue;
            last = block;
            if (target < _sums[block]) break;
            target -= _sums[block];
        }

        if (block == _sums.Length)
        {
            // Rounding left a crumb beyond the last block; it falls to the last token, as a crumb beyond the tokens of a block does.
            block = last;
            target = double.PositiveInfinity;
        }

        var chosen = 0;
        var values = _row.Values(block);
        for (var i = 0; i < values.Length; i++)
        {
            if (!(values[i] >= _low && values[i] <= _high)) continue;
            var weight = Math.Exp(((double)values[i] - _top) * _scale);
            if (weight <= 0) continue;
            chosen = i;
            target -= weight;
            if (target < 0) break;
        }

        return (block * LogitRow.BlockSize) + chosen;
    }
}
