using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Chooses a token when no top-k bounds the number of candidates.</summary>
/// <remarks>
/// <para>When few tokens can matter, they are listed and cut like those of a top-k. Otherwise nothing is listed or sorted: every truncation is
/// a range of logits, and top-p, whose end is not known beforehand, is decided for one token. A token is drawn from the range; it is in
/// the nucleus exactly when the tokens above it have less than p of the probability, which one pass tells. If it is not, the range shrinks
/// to what is above it and another one is drawn. Tokens that remain have kept their odds, so the distribution is that of the nucleus.</para>
/// <para>A draw is rejected with probability 1 - p at first (at temperature 1), so hardly ever more than one is needed.</para>
/// </remarks>
internal static class FullVocabulary
{
    /// <summary>Candidates that are worth a list: sorting more takes longer than two passes over the row.</summary>
    private const int ListUpTo = 1024;

    /// <summary>A token less probable than the first by e to this is left out of the list, which is tried only once.</summary>
    private const float ListDepth = 8f;

    /// <summary>Draws before the nucleus is looked for exactly, for many equal logits and a small p, of which a draw tells little.</summary>
    private const int Attempts = 8;

    /// <summary>The token, or <see cref="Sampler.NoToken"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Sample(LogitRow row, SamplingParameters parameters, float scale, SeededGenerator generator, int index, SamplerScratch scratch)
    {
        var needsProbabilities = parameters.TopP < 1f || parameters.TypicalP < 1f;
        if (!needsProbabilities && parameters.MinP <= 0f)
        {
            var whole = BlockMaxima.WithSums(row, scale, scratch);
            return whole.IsUsable ? BlockWeights.FromSums(whole, scale, scratch).Draw(generator.Uniform(index)) : Sampler.NoToken;
        }

        var maxima = needsProbabilities ? BlockMaxima.WithSums(row, 1f, scratch) : BlockMaxima.Of(row, scratch);
        if (!maxima.IsUsable) return Sampler.NoToken;
        var (low, high, top, target) = (float.NegativeInfinity, float.PositiveInfinity, maxima.Max, double.PositiveInfinity);
        if (needsProbabilities)
        {
            var all = BlockWeights.FromSums(maxima, 1f, scratch);
            var total = all.Total;
            if (parameters.TypicalP < 1f)
            {
                (low, high) = TypicalRange.Of(maxima, all, parameters.TypicalP, scratch);
                top = scratch.Passes.MaxUpTo(row, high);
                high = top;
                total = BlockWeights.Between(maxima, low, high, top, 1f, scratch).Total;
            }

            if (parameters.TopP < 1f) target = parameters.TopP * total;
        }

        low = Math.Max(low, Candidates.LeastLogit(top, parameters.MinP));
        var fromList = Listed(maxima, low, high, top, target, scale, generator.Uniform(index), scratch);
        return fromList != Sampler.NoToken ? fromList : Draw(maxima, low, high, top, target, scale, generator, index, scratch);
    }

    /// <summary>The choice among few tokens; <see cref="Sampler.NoToken"/> when there are many, or the few do not reach the target.</summary>
    private static int Listed(
        BlockMaxima maxima, float low, float high, float top, double target, float scale, double uniform, SamplerScratch scratch)
    {
        var isWhole = low >= top - ListDepth;
        if (!isWhole && double.IsInfinity(target)) return Sampler.NoToken;
        if (!maxima.TryBetween(Math.Max(low, top - ListDepth), high, ListUpTo, out var keys)) return Sampler.NoToken;
        var candidates = new Candidates(keys, scratch);
        return candidates.KeepWeight(target) || isWhole ? candidates.Draw(scale, uniform, scratch) : Sampler.NoToken;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Draw(
        BlockMaxima maxima, float low, float high, float top, double target, float scale, SeededGenerator generator, int index,
        SamplerScratch scratch)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var token = BlockWeights.Between(maxima, low, high, top, scale, scratch).Draw(generator.UniformOf(index, attempt));
            if (double.IsInfinity(target)) return token;
            var logit = maxima.Row[token];
            var above = BlockWeights.Between(maxima, MathF.BitIncrement(logit), high, top, 1f, scratch).Total;
            if (above >= target)
            {
                low = MathF.BitIncrement(logit);
                continue;
            }

            // Of equal logits those of lower tokens come first.
            var equal = scratch.Passes.CountEqual(maxima.Row, maxima.Values, logit, token);
            if (above + (equal * Math.Exp((double)logit - top)) < target) return token;
            low = logit;
        }

        var keys = maxima.Between(low, high);
        var candidates = new Candidates(keys[..KeySelection.LargestByWeight(keys, top, target)], scratch);
        return candidates.Draw(scale, generator.UniformOf(index, Attempts), scratch);
    }
}
