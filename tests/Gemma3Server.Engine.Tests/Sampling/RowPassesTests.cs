using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Sampling.Simd;

namespace Gemma3Server.Engine.Tests.Sampling;

/// <summary>Every width of vector computes the same bits, whichever of them this processor has registers for, and the right ones.</summary>
public sealed class RowPassesTests
{
    private static readonly RowPasses[] Widths = [new LanePasses<Lanes512>(), new LanePasses<Lanes256>(), new LanePasses<Lanes128>()];

    [Fact]
    public void Passes_RandomRows_SameBitsAtEveryWidth()
    {
        var random = new Random(12);
        for (var round = 0; round < 200; round++)
        {
            var logits = TestLogits.Normal(random, random.Next(1, 2000), 1 + (9 * random.NextDouble()));
            for (var i = 0; i < logits.Length; i += 37) logits[i] = float.NegativeInfinity;
            var (low, scale) = ((float)(random.NextDouble() * 4) - 3, (float)(2 * random.NextDouble()));
            var results = Widths.Select(passes => All(passes, logits, low, low + 2, scale)).ToArray();
            Assert.Equal(results[0], results[1]);
            Assert.Equal(results[0], results[2]);
        }
    }

    [Fact]
    public void Passes_RandomRows_EqualPlainLoops()
    {
        var random = new Random(13);
        for (var round = 0; round < 100; round++)
        {
            float[] logits = [.. TestLogits.Normal(random, random.Next(1, 256), 4).Select(l => MathF.Round(l * 8) / 8)];
            float[] copy = logits;
            var (low, high, scale) = (-2f, 3f, 0.75f);
            var max = logits.Max();
            var inside = logits.Where(l => l >= low && l <= high).ToArray();
            foreach (var passes in Widths)
            {
                var values = All(passes, copy, low, high, scale);
                Assert.Equal(max, values[0]);
                Close(logits.Sum(l => Math.Exp((l - max) * (double)scale)), values[1]);
                Close(max >= low ? inside.Sum(l => Math.Exp((l - Math.Min(max, high)) * (double)scale)) : 0, values[2]);
                Close(logits.Sum(l => (l - max) * Math.Exp(l - max)), values[3]);
                Assert.Equal(inside.Length, values[4]);
                Assert.Equal(inside.Length > 0 || logits.Min() <= high ? logits.Where(l => l <= high).Max() : float.NegativeInfinity, values[5]);
                Assert.Equal(logits.SkipLast(1).Count(l => l == logits[0]), values[6]);
            }
        }

        static void Close(double expected, float value) => Assert.Equal(expected, value, 1e-5 * Math.Max(1, Math.Abs(expected)));
    }

    [Fact]
    public void Exp_WholeRange_WithinTwoRoundings()
    {
        float[] x = [.. Enumerable.Range(0, 86_001).Select(i => -i / 1000f), -86.001f, -1000f, float.NegativeInfinity];
        foreach (var passes in Widths)
        {
            float[] powers = [.. x];
            passes.Exp(powers);
            for (var i = 0; i <= 86_000; i++) Assert.InRange(powers[i] / Math.Exp(x[i]), 1 - 2.4e-7, 1 + 2.4e-7);
            Assert.Equal([0f, 0f, 0f], powers[^3..]);
        }
    }

    [Fact]
    public void Sample_AnyWidth_SameTokens()
    {
        var logits = TestLogits.Normal(new(14), 20_011, 2);
        SamplingParameters plain = new() { TopK = 0, TopP = 1, Seed = 9 };
        SamplingParameters[] all =
        [
            new() { Seed = 8 }, plain, plain with { TopP = 0.8f, Temperature = 1.4f }, plain with { MinP = 0.03f }, plain with { TypicalP = 0.6f },
            new() { Temperature = 0 }, new() { RepeatPenalty = 1.2f, Seed = 4 },
        ];
        foreach (var parameters in all)
        {
            var results = Widths.Select(passes => Tokens(parameters, logits, new(passes))).ToArray();
            Assert.Equal(results[0], results[1]);
            Assert.Equal(results[0], results[2]);
        }
    }

    private static int[] Tokens(SamplingParameters parameters, float[] logits, SamplerScratch scratch)
    {
        var sampler = new Sampler(parameters, [1, 2, 3]);
        return [.. Enumerable.Range(0, 200).Select(_ =>
        {
            var token = sampler.Sample(logits, scratch);
            sampler.Accept(token);
            return token;
        })];
    }

    /// <summary>What all passes make of a row, first of its first block.</summary>
    private static float[] All(RowPasses passes, float[] logits, float low, float high, float scale)
    {
        var patches = new LogitPatches();
        patches.Begin(logits);
        var row = patches.Row(logits);
        var (maxima, maxima2) = (new float[row.Blocks], new float[row.Blocks]);
        var (whole, sums, moments) = (new float[row.Blocks], new float[row.Blocks], new float[row.Blocks]);
        Assert.True(passes.Maxima(row, maxima));
        Assert.True(passes.MaximaAndSums(row, scale, maxima2, whole));
        Assert.Equal(maxima, maxima2);
        passes.Sums(row, maxima, low, high, scale, sums);
        passes.Moments(row, maxima, moments);
        var keys = new ulong[logits.Length];
        var count = passes.Collect(row, maxima, low, high, keys);
        if (count > 0) Assert.Equal(-1, passes.Collect(row, maxima, low, high, keys.AsSpan(0, count - 1)));
        float[] firsts = [maxima[0], whole[0], sums[0], moments[0], count, passes.MaxUpTo(row, high), passes.CountEqual(row, maxima, logits[0], logits.Length - 1)];
        return [.. firsts, .. maxima, .. whole, .. sums, .. moments, .. keys.Take(count).Select(k => (float)LogitKey.Token(k))];
    }
}
