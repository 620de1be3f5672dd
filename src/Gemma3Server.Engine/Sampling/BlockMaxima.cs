using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using Gemma3Server.Engine.Sampling.Simd;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// A row with the largest logit of each of its blocks. One SIMD pass makes them; afterwards the tokens above a threshold are found by looking
/// into the few blocks that reach it, instead of ordering 262,144 candidates.
/// </summary>
internal readonly ref struct BlockMaxima
{
    private readonly SamplerScratch _scratch;

    private BlockMaxima(LogitRow row, ReadOnlySpan<float> values, bool sound, SamplerScratch scratch)
    {
        Row = row;
        Values = values;
        _scratch = scratch;
        Max = sound || IsSound(row) ? TensorPrimitives.Max(values) : float.NaN;
    }

    /// <summary>The row.</summary>
    public LogitRow Row { get; }

    /// <summary>The maxima, by block.</summary>
    public ReadOnlySpan<float> Values { get; }

    /// <summary>The largest logit; NaN when any is.</summary>
    public float Max { get; }

    /// <summary>Whether the row can be sampled: no NaN, and a finite largest logit.</summary>
    public bool IsUsable => float.IsFinite(Max);

    private RowPasses Passes => _scratch.Passes;

    /// <summary>Passes over the logits once.</summary>
    public static BlockMaxima Of(LogitRow row, SamplerScratch scratch)
    {
        var values = scratch.Maxima(row.Blocks);
        var sound = scratch.Passes.Maxima(row, values);
        return new(row, values, sound, scratch);
    }

    /// <summary>Passes over the logits once, also for the sums that <see cref="BlockWeights.FromSums"/> takes.</summary>
    public static BlockMaxima WithSums(LogitRow row, float scale, SamplerScratch scratch)
    {
        var values = scratch.Maxima(row.Blocks);
        var sound = scratch.Passes.MaximaAndSums(row, scale, values, scratch.Sums(row.Blocks));
        return new(row, values, sound, scratch);
    }

    /// <summary>The first token with the largest logit, of a usable row.</summary>
    public int FirstOfMax()
    {
        var block = Values.IndexOf(Max);
        return (block * LogitRow.BlockSize) + Row.Values(block).IndexOf(Max);
    }

    /// <summary>The keys of the <paramref name="count"/> largest logits, in any order; exact. Those of negative infinity do not count.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Span<ulong> Largest(int count)
    {
        // The count largest block maxima are count logits, so no logit below the least of them can be among the count largest.
        var threshold = float.NegativeInfinity;
        if (count <= Values.Length)
        {
            var order = _scratch.Order(Values.Length);
            for (var block = 0; block < order.Length; block++) order[block] = LogitKey.Of(Values[block], block);
            KeySelection.Largest(order, count);
            var least = ulong.MaxValue;
            foreach (var key in order[..count]) least = Math.Min(least, key);
            threshold = LogitKey.Logit(least);
        }

        var keys = Between(threshold, float.PositiveInfinity);
        if (keys.Length <= count) return keys;
        KeySelection.Largest(keys, count);
        return keys[..count];
    }

    /// <summary>The keys of all logits in the closed range, in order of token id; without those of negative infinity.</summary>
    public Span<ulong> Between(float low, float high)
    {
        var blocks = 0;
        foreach (var max in Values)
        {
            if (max >= low) blocks++;
        }

        var keys = _scratch.Keys(blocks * LogitRow.BlockSize);
        return keys[..Passes.Collect(Row, Values, low, high, keys)];
    }

    /// <summary>As <see cref="Between"/>, unless there are more than <paramref name="limit"/>.</summary>
    public bool TryBetween(float low, float high, int limit, out Span<ulong> keys)
    {
        keys = _scratch.Keys(limit);
        var count = Passes.Collect(Row, Values, low, high, keys);
        keys = keys[..Math.Max(0, count)];
        return count >= 0;
    }

    /// <summary>The pass could not tell a NaN from infinities of both signs, or from a sum beyond all floats; this can, and is never needed.</summary>
    private static bool IsSound(LogitRow row)
    {
        for (var block = 0; block < row.Blocks; block++)
        {
            if (TensorPrimitives.IsNaNAny(row.Values(block))) return false;
        }

        return true;
    }
}
