using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine.Tests.Sampling;

public sealed class SamplerTests
{
    private const int Gemma = 262_144;

    private static readonly SamplingParameters Plain = new() { Temperature = 1, TopK = 0, TopP = 1, MinP = 0 };

    [Theory]
    [InlineData(50)]
    [InlineData(1000)]
    [InlineData(Gemma)]
    public void Sample_GreedyWithPenaltiesAndBias_EqualsReference(int vocabulary)
    {
        var random = new Random(vocabulary);
        for (var round = 0; round < (vocabulary == Gemma ? 3 : 200); round++)
        {
            var logits = TestLogits.Normal(random, vocabulary, 2);
            var favourites = Enumerable.Range(0, 20).Select(_ => random.Next(vocabulary)).ToArray();
            var parameters = new SamplingParameters
            {
                Temperature = 0,
                RepeatPenalty = 1.3f,
                FrequencyPenalty = 0.5f,
                PresencePenalty = 0.25f,
                LogitBias = favourites.Distinct().ToDictionary(t => t, _ => (float)random.NextDouble() * 8),
            };
            var sampler = Draws.Prepare(parameters, favourites[..5], favourites[5..]);
            var expected = Array.FindIndex(SamplerReference.Probabilities(logits, parameters, favourites[..5], favourites[5..]), p => p == 1);
            Assert.Equal(expected, sampler.Sample(logits, new()));
        }
    }

    [Fact]
    public void Sample_Ties_GoToTheLowerToken()
    {
        var logits = new float[1000];
        Assert.Equal(0, new Sampler(Plain with { Temperature = 0 }, []).Sample(logits, new()));
        logits[0] = -0f;
        Assert.Equal(0, new Sampler(Plain with { TopK = 1 }, []).Sample(logits, new()));
        var counts = Draws.Count(logits, Plain with { TopK = 3 }, 300);
        Assert.Equal([0, 1, 2], counts.Keys.Order());
    }

    [Fact]
    public void Sample_AllEqualGemmaVocabulary_KeepsExactlyTopK()
    {
        var counts = Draws.Count(new float[Gemma], Plain with { TopK = 2 }, 40);
        Assert.Equal([0, 1], counts.Keys.Order());
    }

    [Theory]
    [InlineData(float.NaN, 0f, 0)]
    [InlineData(float.NaN, 1f, 64)]
    [InlineData(float.NaN, 1f, 0)]
    [InlineData(float.PositiveInfinity, 0f, 0)]
    [InlineData(float.PositiveInfinity, 1f, 64)]
    [InlineData(float.PositiveInfinity, 1f, 0)]
    public void Sample_OneBadLogit_NoToken(float bad, float temperature, int topK)
    {
        foreach (var at in new[] { 0, 255, 256, 511, 999 })
        {
            var logits = TestLogits.Normal(new(1), 1000, 1);
            logits[at] = bad;
            Assert.Equal(Sampler.NoToken, new Sampler(Plain with { Temperature = temperature, TopK = topK }, []).Sample(logits, new()));
        }
    }

    [Theory]
    [InlineData(0f, 0)]
    [InlineData(1f, 64)]
    [InlineData(1f, 0)]
    public void Sample_NothingPossible_NoToken(float temperature, int topK)
    {
        var sampler = new Sampler(Plain with { Temperature = temperature, TopK = topK }, []);
        Assert.Equal(Sampler.NoToken, sampler.Sample(Enumerable.Repeat(float.NegativeInfinity, 700).ToArray(), new()));
        Assert.Equal(Sampler.NoToken, sampler.Sample([], new()));
    }

    [Fact]
    public void Sample_ExtremeLogitsOfBothSigns_TheLargest()
    {
        // The sums that find a NaN overflow here, and must not be taken for one.
        float[] logits = [.. Enumerable.Range(0, 700).Select(i => i % 2 == 0 ? 3e38f : float.NegativeInfinity)];
        Assert.Equal(0, new Sampler(Plain with { TopK = 1 }, []).Sample(logits, new()));
        Assert.All(Draws.Count(logits, Plain, 50).Keys, token => Assert.Equal(0, token % 2));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.95f)]
    public void Sample_SmallestTemperature_TheLargest(float topP)
    {
        var logits = TestLogits.Normal(new(2), 3000, 1);
        var largest = Array.IndexOf(logits, logits.Max());
        foreach (var topK in new[] { 0, 40 })
        {
            var parameters = Plain with { Temperature = float.Epsilon, TopK = topK, TopP = topP > 0 ? topP : 1 };
            Assert.Equal([largest], Draws.Count(logits, parameters, 20).Keys);
        }
    }

    [Fact]
    public void Sample_AllEqualAndATinyNucleus_TheLowestToken()
    {
        // Draws say nothing about a nucleus of one among equals: the exact search has to find it.
        Assert.Equal([0], Draws.Count(new float[Gemma], Plain with { TopP = 1e-6f }, 2).Keys);
        Assert.All(Draws.Count(new float[5000], Plain with { TopP = 0.01f }, 100).Keys, token => Assert.InRange(token, 0, 50));
    }

    [Fact]
    public void Sample_TypicalP_AllEqualKeepsAll()
    {
        Assert.True(Draws.Count(new float[5000], Plain with { TypicalP = 0.01f }, 200).Keys.Max() > 4000);
    }

    [Fact]
    public void Sample_SomeNegativeInfinity_NeverChosen()
    {
        var logits = Enumerable.Range(0, 2000).Select(i => i % 3 == 0 ? 1f : float.NegativeInfinity).ToArray();
        foreach (var parameters in new[] { Plain, Plain with { TopP = 0.999999f }, Plain with { TopK = 1500 }, Plain with { Temperature = 1e-6f } })
        {
            Assert.All(Draws.Count(logits, parameters, 300).Keys, token => Assert.Equal(0, token % 3));
        }
    }

    [Fact]
    public void Sample_BiasOutsideTheVocabulary_Ignored()
    {
        var parameters = Plain with { Temperature = 0, LogitBias = new Dictionary<int, float> { [-1] = 9, [5000] = 9, [2] = 9 } };
        Assert.Equal(2, new Sampler(parameters, []).Sample(new float[10], new()));
    }

    [Fact]
    public void Sample_SameSeed_SameTokensWhateverTheScratch()
    {
        var logits = TestLogits.Normal(new(3), 5000, 1);
        int[] Run(ulong seed, SamplerScratch scratch)
        {
            var sampler = new Sampler(new() { Seed = seed, TopK = 0 }, []);
            return [.. Enumerable.Range(0, 50).Select(_ =>
            {
                var token = sampler.Sample(logits, scratch);
                sampler.Accept(token);
                return token;
            })];
        }

        var used = new SamplerScratch();
        Run(99, used);
        Assert.Equal(Run(1, new()), Run(1, used));
        Assert.NotEqual(Run(1, used), Run(2, used));
    }

    [Fact]
    public void Sample_NoSeed_DiffersFromRequestToRequest()
    {
        var logits = new float[Gemma];
        var tokens = Enumerable.Range(0, 8).Select(_ => new Sampler(Plain, []).Sample(logits, new())).Distinct();
        Assert.True(tokens.Count() > 1);
    }

    [Fact]
    public void Sample_Steady_AllocatesNothing()
    {
        var logits = TestLogits.Normal(new(5), Gemma, 2);
        var scratch = new SamplerScratch();
        SamplingParameters[] all =
        [
            new(), Plain, Plain with { TopP = 0.9f }, Plain with { RepeatPenalty = 1.1f, Temperature = 0 }, Plain with { MinP = 0.05f },
            Plain with { MinP = 0.9f }, Plain with { TypicalP = 0.5f, TopP = 0.8f }, new() { TypicalP = 0.5f, MinP = 0.1f },
            new() { RepeatPenalty = 1.1f, LogitBias = new Dictionary<int, float> { [70_000] = 3f } },
        ];
        foreach (var parameters in all)
        {
            var sampler = Draws.Prepare(parameters, [1, 2], [3]);
            sampler.Sample(logits, scratch);
            var allocated = new long[4];
            for (var round = 0; round < allocated.Length; round++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 3; i++) sampler.Sample(logits, scratch);
                allocated[round] = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            // The just-in-time compiler may allocate in a round, once; a sampler that allocates does so in all.
            Assert.Contains(0, allocated);
        }
    }
}
