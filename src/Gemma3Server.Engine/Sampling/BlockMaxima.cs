using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// The largest logit of each block of the vocabulary. One SIMD pass makes them; afterwards the tokens above a threshold are found by looking
/// into the few blocks that reach it, instead of ordering 262,144 candidates.
/// </summary>
internal readonly ref struct BlockMaxima
{
    /// <summary>Tokens in a block: the square root of Gemma's vocabulary is 512, and fewer per block make thresholds sharper.</summary>
    public const int Size = 256;

    private readonly ReadOnlySpan<float> _logits;
    private readonly SamplerScratch _scratch;
    private readonly ReadOnlySpan<ulong> _maxima;

    /// <summary>Passes over the logits once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public BlockMaxima(ReadOnlySpan<float> logits, SamplerScratch scratch)
    {
        _logits = logits;
        _scratch = scratch;
        var maxima = scratch.Blocks((logits.Length + Size - 1) / Size);
        var max = float.NegativeInfinity;
        for (var block = 0; block < maxima.Length; block++)
        {
            // NaN propagates through both maxima, so that Max tells whether the row is sound.
            var value = TensorPrimitives.Max(Block(block));
            maxima[block] = float.IsNaN(value) ? 0 : LogitKey.Of(value, block);
            max = Math.Max(max, value);
        }

        _maxima = maxima;
        Max = max;
    }

    /// <summary>The largest logit; NaN when any is.</summary>
    public float Max { get; }

    /// <summary>The keys of the <paramref name="count"/> largest logits, in any order; exact.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Span<ulong> Largest(int count)
    {
        // The count largest block maxima are count logits, so no logit below the least of them can be among the count largest.
        var threshold = float.NegativeInfinity;
        if (count <= _maxima.Length)
        {
            var order = _scratch.Order(_maxima.Length);
            _maxima.CopyTo(order);
            KeySelection.Largest(order, count);
            var least = ulong.MaxValue;
            foreach (var key in order[..count]) least = Math.Min(least, key);
            threshold = LogitKey.Logit(least);
        }

        var keys = AtLeast(threshold);
        if (keys.Length <= count) return keys;
        KeySelection.Largest(keys, count);
        return keys[..count];
    }

    /// <summary>The keys of all logits that are at least <paramref name="threshold"/>, in order of token id.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Span<ulong> AtLeast(float threshold)
    {
        var blocks = 0;
        foreach (var key in _maxima)
        {
            if (LogitKey.Logit(key) >= threshold) blocks++;
        }

        var keys = _scratch.Keys(blocks * Size);
        var count = 0;
        var bound = new Vector<float>(threshold);
        for (var block = 0; block < _maxima.Length; block++)
        {
            if (LogitKey.Logit(_maxima[block]) < threshold) continue;
            var values = Block(block);
            var i = 0;
            while (i < values.Length)
            {
                // Whole vectors below the threshold are passed over; the rest of a block is looked at one by one.
                if (i + Vector<float>.Count <= values.Length && Vector.LessThanAll(new Vector<float>(values[i..]), bound))
                {
                    i += Vector<float>.Count;
                    continue;
                }

                for (var end = Math.Min(i + Vector<float>.Count, values.Length); i < end; i++)
                {
                    if (values[i] >= threshold) keys[count++] = LogitKey.Of(values[i], (block * Size) + i);
                }
            }
        }

        return keys[..count];
    }

    private ReadOnlySpan<float> Block(int block) => _logits.Slice(block * Size, Math.Min(Size, _logits.Length - (block * Size)));
}
