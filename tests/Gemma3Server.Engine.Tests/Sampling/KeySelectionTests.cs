using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine.Tests.Sampling;

public sealed class KeySelectionTests
{
    [Fact]
    public void Of_AnyLogit_OrdersAsFloatsAndComesBack()
    {
        float[] logits = [float.NegativeInfinity, -3e38f, -1.5f, -1e-40f, 0f, 1e-40f, 2f, 3e38f, float.PositiveInfinity];
        for (var i = 0; i < logits.Length; i++)
        {
            var key = LogitKey.Of(logits[i], 200_000 + i);
            Assert.Equal(logits[i], LogitKey.Logit(key));
            Assert.Equal(200_000 + i, LogitKey.Token(key));
            if (i > 0) Assert.True(key > LogitKey.Of(logits[i - 1], 0));
        }

        Assert.True(LogitKey.Of(1, 4) > LogitKey.Of(1, 5));
        Assert.Equal(LogitKey.Of(0f, 1), LogitKey.Of(-0f, 1));
    }

    [Fact]
    public void Largest_RandomWithManyTies_EqualsSort()
    {
        var random = new Random(4);
        for (var round = 0; round < 500; round++)
        {
            var keys = RandomKeys(random, random.Next(1, 700));
            var count = random.Next(0, keys.Length + 2);
            var expected = keys.OrderDescending().Take(count).ToArray();
            KeySelection.Largest(keys, count);
            Assert.Equal(expected, keys.Take(count).OrderDescending());
        }
    }

    [Fact]
    public void LargestByWeight_Random_IsTheSmallestSufficientSet()
    {
        var random = new Random(5);
        for (var round = 0; round < 300; round++)
        {
            var keys = RandomKeys(random, random.Next(1, 700));
            var sorted = keys.OrderDescending().ToArray();
            var max = LogitKey.Logit(sorted[0]);
            var target = sorted.Sum(k => KeySelection.Weight(k, max)) * random.NextDouble() * 1.1;
            var count = KeySelection.LargestByWeight(keys, max, target);

            double sum = 0;
            var expected = 0;
            do sum += KeySelection.Weight(sorted[expected++], max);
            while (expected < sorted.Length && sum < target - 1e-9);
            Assert.Equal(expected, count);
            Assert.Equal(sorted[..count], keys.Take(count).OrderDescending());
        }
    }

    [Fact]
    public void BlockMaxima_RandomLengths_FindExactlyTheLargestAndThoseAboveAThreshold()
    {
        var random = new Random(6);
        var scratch = new SamplerScratch();
        for (var round = 0; round < 300; round++)
        {
            var logits = Enumerable.Range(0, random.Next(1, 3000)).Select(_ => random.Next(-40, 40) / 4f).ToArray();
            scratch.Patches.Begin(logits);
            var maxima = BlockMaxima.Of(scratch.Patches.Row(logits), scratch);
            Assert.Equal(logits.Max(), maxima.Max);
            var keys = logits.Select(LogitKey.Of).OrderDescending().ToArray();
            var count = random.Next(1, 200);
            Assert.Equal(keys.Take(count), maxima.Largest(count).ToArray().OrderDescending());
            var threshold = random.Next(-45, 45) / 4f;
            var above = keys.Where(k => LogitKey.Logit(k) >= threshold).ToArray();
            Assert.Equal(above, maxima.Between(threshold, float.PositiveInfinity).ToArray().OrderDescending());
            Assert.Equal(above.Where(k => LogitKey.Logit(k) <= threshold + 2), maxima.Between(threshold, threshold + 2).ToArray().OrderDescending());
            Assert.Equal(above.Length <= 100, maxima.TryBetween(threshold, float.PositiveInfinity, 100, out var few));
            if (above.Length <= 100) Assert.Equal(above, few.ToArray().OrderDescending());
            Assert.Equal(Array.IndexOf(logits, maxima.Max), maxima.FirstOfMax());
        }
    }

    [Fact]
    public void Uniform_KnownSeed_StableAndInRange()
    {
        var generator = new SeededGenerator(42);
        var draws = Enumerable.Range(0, 10_000).Select(generator.Uniform).ToArray();
        Assert.All(draws, d => Assert.InRange(d, 0, 0.99999999999999989));
        Assert.InRange(draws.Average(), 0.49, 0.51);
        Assert.Equal(10_000, draws.Distinct().Count());
        Assert.Equal(draws, Enumerable.Range(0, 10_000).Select(new SeededGenerator(42).Uniform));

        // Neighbouring seeds must not share shifted streams.
        var neighbour = Enumerable.Range(0, 10_000).Select(new SeededGenerator(43).Uniform);
        Assert.Empty(draws.Intersect(neighbour));
    }

    private static ulong[] RandomKeys(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(i => LogitKey.Of(random.Next(-12, 12) / 4f, i)).OrderBy(_ => random.Next())];
}
