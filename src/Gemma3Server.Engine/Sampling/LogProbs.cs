using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// Log-probabilities (natural logarithm) of tokens under the model's own distribution: of the logits as they are, before bias, penalties,
/// temperature and truncation, as OpenAI reports them.
/// </summary>
internal static class LogProbs
{
    /// <summary>Those of a generated token, with the <paramref name="count"/> most probable ones.</summary>
    public static TokenLogProbs Of(ReadOnlySpan<float> logits, int chosen, int count, SamplerScratch scratch)
    {
        var top = count > 0 ? new TokenLogProb[count] : [];
        var logProb = Compute(logits, chosen, top, scratch);
        var possible = Array.FindIndex(top, entry => entry.Token == Sampler.NoToken);
        return new(chosen, logProb, possible < 0 ? top : top[..possible]);
    }

    /// <summary>
    /// Fills <paramref name="top"/> with the most probable tokens, the most probable first and of equal ones the lower id, and returns the
    /// log-probability of <paramref name="chosen"/>. NaN, and no tokens, for a row that <see cref="Sampler.Sample"/> answers with
    /// <see cref="Sampler.NoToken"/>. Entries beyond the possible tokens have the id <see cref="Sampler.NoToken"/> and negative infinity.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float Compute(ReadOnlySpan<float> logits, int chosen, Span<TokenLogProb> top, SamplerScratch scratch)
    {
        top.Fill(new(Sampler.NoToken, float.NegativeInfinity));
        if (logits.IsEmpty) return float.NaN;
        scratch.Patches.Begin(logits);
        var maxima = BlockMaxima.WithSums(scratch.Patches.Row(logits), 1f, scratch);
        if (!maxima.IsUsable) return float.NaN;

        // log sum exp: the maxima and the sums relative to them came from one pass.
        var logTotal = maxima.Max + Math.Log(BlockWeights.FromSums(maxima, 1f, scratch).Total);
        if (!top.IsEmpty)
        {
            var keys = maxima.Largest(top.Length);
            KeySelection.SortDescending(keys);
            for (var i = 0; i < keys.Length; i++) top[i] = new(LogitKey.Token(keys[i]), (float)(LogitKey.Logit(keys[i]) - logTotal));
        }

        return (float)(logits[chosen] - logTotal);
    }
}
