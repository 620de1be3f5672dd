using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine.Tests.Sampling;

public sealed class LogProbsTests
{
    [Theory]
    [InlineData(5, 1.0)]
    [InlineData(300, 0.01)]
    [InlineData(5000, 4.0)]
    [InlineData(262_144, 1.0)]
    [InlineData(262_208, 2.5)]
    public void Compute_RandomRow_EqualsReference(int vocabulary, double spread)
    {
        var logits = TestLogits.Normal(new(vocabulary), vocabulary, spread);
        var expected = SamplerReference.LogProbabilities(logits);
        var top = new TokenLogProb[20];
        var chosen = vocabulary - 2;
        Assert.Equal(expected[chosen], LogProbs.Compute(logits, chosen, top, new()), 2e-6f * Math.Max(1, Math.Abs(expected[chosen])));

        var order = Enumerable.Range(0, vocabulary).OrderByDescending(i => logits[i]).Take(20).ToArray();
        Assert.Equal(order, top.Take(order.Length).Select(t => t.Token));
        foreach (var entry in top.Take(order.Length)) Assert.Equal(expected[entry.Token], entry.LogProb, 2e-6 * Math.Max(1, Math.Abs(expected[entry.Token])));
        foreach (var entry in top.Skip(order.Length)) Assert.Equal(new(Sampler.NoToken, float.NegativeInfinity), entry);
    }

    [Fact]
    public void Compute_ImpossibleTokens_NegativeInfinityAndNotAmongTheTop()
    {
        var logits = new float[400];
        Array.Fill(logits, float.NegativeInfinity);
        (logits[7], logits[300]) = (2, 2);
        var top = new TokenLogProb[3];
        Assert.Equal(float.NegativeInfinity, LogProbs.Compute(logits, 5, top, new()));
        Assert.Equal([7, 300, Sampler.NoToken], top.Select(t => t.Token));
        Assert.Equal(Math.Log(0.5), top[1].LogProb, 1e-6);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Compute_UnusableRow_NaN(float bad)
    {
        var top = new TokenLogProb[2];
        Assert.Equal(float.NaN, LogProbs.Compute([1, bad, 2], 0, top, new()));
        Assert.Equal(float.NaN, LogProbs.Compute([], 0, [], new()));
        Assert.All(top, t => Assert.Equal(Sampler.NoToken, t.Token));
    }

    [Fact]
    public void Compute_Steady_AllocatesNothing()
    {
        var logits = TestLogits.Normal(new(5), 262_208, 2);
        var scratch = new SamplerScratch();
        var top = new TokenLogProb[20];
        var allocated = new long[4];
        LogProbs.Compute(logits, 3, top, scratch);
        for (var round = 0; round < allocated.Length; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 5; i++) LogProbs.Compute(logits, 3, top, scratch);
            allocated[round] = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated.Min());
    }
}
