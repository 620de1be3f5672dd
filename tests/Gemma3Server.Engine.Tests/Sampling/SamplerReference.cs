namespace Gemma3Server.Engine.Tests.Sampling;

/// <summary>The documented meaning of the sampling parameters, in double precision and without any cleverness.</summary>
internal static class SamplerReference
{
    /// <summary>The probability of every token.</summary>
    public static double[] Probabilities(float[] logits, SamplingParameters p, int[] prompt, int[] generated)
    {
        var l = Array.ConvertAll(logits, v => (double)v);
        foreach (var (token, bias) in p.LogitBias ?? new Dictionary<int, float>()) l[token] += bias;
        foreach (var token in prompt.Concat(generated).Distinct())
        {
            l[token] = l[token] > 0 ? l[token] / p.RepeatPenalty : l[token] * p.RepeatPenalty;
        }

        foreach (var group in generated.GroupBy(t => t)) l[group.Key] -= (group.Count() * p.FrequencyPenalty) + p.PresencePenalty;

        var order = Enumerable.Range(0, l.Length).OrderByDescending(i => (float)l[i]).ThenBy(i => i).ToArray();
        if (p.TopK > 0 && p.TopK < l.Length) order = order[..p.TopK];
        if (p.TypicalP < 1) order = Typical(l, order, p.TypicalP);
        var max = l[order[0]];
        if (p.TopP < 1)
        {
            var weights = Array.ConvertAll(order, i => Math.Exp(l[i] - max));
            double total = weights.Sum(), sum = 0;
            var kept = 0;
            while (kept < order.Length && sum < p.TopP * total) sum += weights[kept++];
            order = order[..Math.Max(1, kept)];
        }

        if (p.MinP > 0) order = [.. order.Where(i => Math.Exp(l[i] - max) >= Math.Min(1, p.MinP))];

        var result = new double[l.Length];
        if (p.Temperature == 0)
        {
            result[order[0]] = 1;
            return result;
        }

        var tempered = Array.ConvertAll(order, i => Math.Exp((l[i] - max) / p.Temperature));
        var norm = tempered.Sum();
        for (var i = 0; i < order.Length; i++) result[order[i]] = tempered[i] / norm;
        return result;
    }

    /// <summary>The natural logarithm of every token's probability under the logits as they are.</summary>
    public static double[] LogProbabilities(float[] logits)
    {
        double max = logits.Max();
        var logTotal = max + Math.Log(logits.Sum(l => Math.Exp(l - max)));
        return Array.ConvertAll(logits, l => l - logTotal);
    }

    /// <summary>By the definition: least difference between a token's surprise and the entropy first.</summary>
    private static int[] Typical(double[] logits, int[] order, double p)
    {
        var max = logits[order[0]];
        var total = order.Sum(i => Math.Exp(logits[i] - max));
        var probabilities = order.ToDictionary(i => i, i => Math.Exp(logits[i] - max) / total);
        var entropy = -probabilities.Values.Where(q => q > 0).Sum(q => q * Math.Log(q));
        var scores = order.ToDictionary(i => i, i => Math.Abs(-Math.Log(probabilities[i]) - entropy));
        double sum = 0, last = 0;
        foreach (var i in order.OrderBy(i => scores[i]))
        {
            if (sum >= p) break;
            sum += probabilities[i];
            last = scores[i];
        }

        return [.. order.Where(i => scores[i] <= last + 1e-9)];
    }
}
