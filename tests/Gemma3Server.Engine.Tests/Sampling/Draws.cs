using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine.Tests.Sampling;

/// <summary>Many seeded draws from one row, and Pearson's chi-square of them against the probabilities of the reference.</summary>
internal static class Draws
{
    /// <summary>
    /// Standard deviations of a normal distribution beyond which one in 10,000 lies: the p-value down to which draws pass. Seeds are fixed, so
    /// a passing test cannot start to fail by chance.
    /// </summary>
    private const double Bound = 3.719;

    public static Sampler Prepare(SamplingParameters parameters, int[] prompt, int[] generated)
    {
        var sampler = new Sampler(parameters, prompt);
        foreach (var token in generated) sampler.Accept(token);
        return sampler;
    }

    public static Dictionary<int, int> Count(float[] logits, SamplingParameters parameters, int draws, int[]? prompt = null, int[]? generated = null)
    {
        var scratch = new SamplerScratch();
        var counts = new Dictionary<int, int>();
        for (var i = 0; i < draws; i++)
        {
            var sampler = Prepare(parameters with { Seed = (ulong)i }, prompt ?? [], generated ?? []);
            var token = sampler.Sample(logits, scratch);
            counts[token] = counts.GetValueOrDefault(token) + 1;
        }

        return counts;
    }

    /// <summary>Requires that the draws have the distribution, and that what it forbids does not occur at all.</summary>
    public static void AssertDistribution(float[] logits, SamplingParameters parameters, int draws, int[]? prompt = null, int[]? generated = null)
    {
        var expected = SamplerReference.Probabilities(logits, parameters, prompt ?? [], generated ?? []);
        var counts = Count(logits, parameters, draws, prompt, generated);
        Assert.All(counts.Keys, token => Assert.True(expected[token] > 0, $"token {token} was truncated, yet drawn"));
        var (chiSquare, limit) = ChiSquare(expected, counts, draws);
        Assert.True(chiSquare < limit, $"chi-square {chiSquare:F1} over {limit:F1}");
    }

    /// <summary>The statistic over bins of at least ten expected draws, and its limit by Wilson and Hilferty's approximation.</summary>
    public static (double Value, double Limit) ChiSquare(double[] expected, Dictionary<int, int> counts, int draws)
    {
        double chiSquare = 0, binExpected = 0, binSeen = 0;
        var bins = 0;
        foreach (var token in Enumerable.Range(0, expected.Length).Where(t => expected[t] > 0).OrderBy(t => expected[t]))
        {
            binExpected += expected[token] * draws;
            binSeen += counts.GetValueOrDefault(token);
            if (binExpected < 10) continue;
            chiSquare += (binSeen - binExpected) * (binSeen - binExpected) / binExpected;
            bins++;
            binExpected = binSeen = 0;
        }

        var degrees = Math.Max(1, bins - 1);
        return (chiSquare, degrees * Math.Pow(1 - (2.0 / (9 * degrees)) + (Bound * Math.Sqrt(2.0 / (9 * degrees))), 3));
    }
}
