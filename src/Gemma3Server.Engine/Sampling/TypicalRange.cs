using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Typical-p over the whole vocabulary.</summary>
/// <remarks>
/// The surprise of a token minus the entropy is the expected logit minus the token's. So the typical set is the tokens with a logit in some
/// distance of the expected one, and what is sought is that distance: by halving, with a pass over the row each time and no list of tokens.
/// </remarks>
internal static class TypicalRange
{
    /// <summary>
    /// The logits of the smallest distance whose probability reaches <paramref name="p"/>. <paramref name="all"/> are the row's weights,
    /// untempered, of which only the total is good afterwards.
    /// </summary>
    public static (float Low, float High) Of(BlockMaxima maxima, BlockWeights all, double p, SamplerScratch scratch)
    {
        var expected = Expected(maxima, all, scratch);
        var target = p * all.Total;

        // Distances as the bits of a float, whose order they have.
        var (enough, tooFew) = (BitConverter.SingleToInt32Bits(1f), -1);
        const int Unbounded = 0x7F80_0000; // infinity
        while (enough < Unbounded && Total(maxima, expected, enough, scratch) < target)
        {
            tooFew = enough;
            enough = Math.Min(Unbounded, enough + (1 << 23));
        }

        while (enough - tooFew > 1)
        {
            var middle = tooFew + ((enough - tooFew) / 2);
            if (Total(maxima, expected, middle, scratch) >= target) enough = middle;
            else tooFew = middle;
        }

        return Range(expected, enough);
    }

    private static double Total(BlockMaxima maxima, double expected, int distance, SamplerScratch scratch)
    {
        var (low, high) = Range(expected, distance);
        return BlockWeights.Between(maxima, low, high, maxima.Max, 1f, scratch).Total;
    }

    private static (float Low, float High) Range(double expected, int distance)
    {
        var length = BitConverter.Int32BitsToSingle(distance);
        return ((float)(expected - length), (float)(expected + length));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double Expected(BlockMaxima maxima, BlockWeights all, SamplerScratch scratch)
    {
        var blocks = maxima.Row.Blocks;
        var moments = scratch.Moments(blocks);
        scratch.Passes.Moments(maxima.Row, maxima.Values, moments);
        var sums = scratch.Sums(blocks);
        var references = scratch.References(blocks);
        var difference = 0.0; // from the largest logit
        for (var block = 0; block < blocks; block++)
        {
            if (sums[block] > 0f) difference += ((double)references[block] * moments[block]) + (sums[block] * ((double)maxima.Values[block] - maxima.Max));
        }

        return maxima.Max + (difference / all.Total);
    }
}
