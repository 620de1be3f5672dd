using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine.Tests.Sampling;

public sealed class SamplerTests
{
    private const int Gemma = 262_144;

    private static readonly SamplingParameters Plain = new() { Temperature = 1, TopK = 0, TopP = 1, MinP = 0 };

    public static TheoryData<SamplingParameters> Parameters =>
    [
        Plain,
        Plain with { Temperature = 0.6f },
        Plain with { Temperature = 1.9f },
        Plain with { TopK = 1 },
        Plain with { TopK = 7 },
        Plain with { TopK = 10_000 },
        Plain with { TopP = 0.3f },
        Plain with { TopP = 0.95f, Temperature = 1.5f },
        Plain with { MinP = 0.1f },
        Plain with { MinP = 5f },
        Plain with { TopK = 20, TopP = 0.8f, MinP = 0.05f, Temperature = 1.3f },
        new SamplingParameters(),
        Plain with { PresencePenalty = 1.5f, FrequencyPenalty = 0.7f },
        Plain with { PresencePenalty = -1f, TopK = 30 },
        Plain with { RepeatPenalty = 1.4f, TopP = 0.9f },
        Plain with { LogitBias = new Dictionary<int, float> { [3] = 4f, [5] = -100f, [11] = 1.5f }, TopK = 40 },
    ];

    [Theory]
    [MemberData(nameof(Parameters))]
    public void Sample_SmallVocabulary_MatchesReferenceDistribution(SamplingParameters parameters)
    {
        var random = new Random(7);
        foreach (var vocabulary in new[] { 50, 600 })
        {
            var logits = Logits(random, vocabulary, 1.5);
            int[] prompt = [3, 4, 9, 9];
            int[] generated = [7, 7, 7, 4, 20];
            AssertDistribution(logits, parameters, prompt, generated, 20_000);
        }
    }

    [Theory]
    [InlineData(64, 0.95f, 0f, 3.0)]
    [InlineData(0, 0.95f, 0f, 3.0)]
    [InlineData(0, 1f, 0.05f, 3.0)]
    [InlineData(0, 0.5f, 0f, 0.05)] // nearly flat: half the vocabulary survives
    [InlineData(0, 1f, 0f, 3.0)]
    [InlineData(2000, 1f, 0f, 3.0)]
    public void Sample_GemmaVocabulary_MatchesReferenceDistribution(int topK, float topP, float minP, double spread)
    {
        var logits = Logits(new(11), Gemma, spread);
        AssertDistribution(logits, Plain with { TopK = topK, TopP = topP, MinP = minP, Temperature = 0.9f }, [], [], 200);
    }

    [Theory]
    [InlineData(50)]
    [InlineData(1000)]
    [InlineData(Gemma)]
    public void Sample_GreedyWithPenaltiesAndBias_EqualsReference(int vocabulary)
    {
        var random = new Random(vocabulary);
        for (var round = 0; round < (vocabulary == Gemma ? 3 : 200); round++)
        {
            var logits = Logits(random, vocabulary, 2);
            var favourites = Enumerable.Range(0, 20).Select(_ => random.Next(vocabulary)).ToArray();
            var parameters = new SamplingParameters
            {
                Temperature = 0,
                RepeatPenalty = 1.3f,
                FrequencyPenalty = 0.5f,
                PresencePenalty = 0.25f,
                LogitBias = favourites.Distinct().ToDictionary(t => t, _ => (float)random.NextDouble() * 8),
            };
            var sampler = Prepare(parameters, favourites[..5], favourites[5..]);
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
        var counts = Draws(logits, Plain with { TopK = 3 }, 300);
        Assert.Equal([0, 1, 2], counts.Keys.Order());
    }

    [Fact]
    public void Sample_AllEqualGemmaVocabulary_KeepsExactlyTopK()
    {
        var counts = Draws(new float[Gemma], Plain with { TopK = 2 }, 40);
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
            var logits = Logits(new(1), 1000, 1);
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
    public void Sample_SomeNegativeInfinity_NeverChosen()
    {
        var logits = Enumerable.Range(0, 2000).Select(i => i % 3 == 0 ? 1f : float.NegativeInfinity).ToArray();
        foreach (var parameters in new[] { Plain, Plain with { TopP = 0.999999f }, Plain with { TopK = 1500 }, Plain with { Temperature = 1e-6f } })
        {
            Assert.All(Draws(logits, parameters, 300).Keys, token => Assert.Equal(0, token % 3));
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
        var logits = Logits(new(3), 5000, 1);
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
        var logits = Logits(new(5), Gemma, 2);
        var scratch = new SamplerScratch();
        foreach (var parameters in new[] { new SamplingParameters(), Plain, Plain with { TopP = 0.9f }, Plain with { RepeatPenalty = 1.1f, Temperature = 0 } })
        {
            var sampler = Prepare(parameters, [1, 2], [3]);
            sampler.Sample(logits, scratch);
            var allocated = new long[4];
            for (var round = 0; round < allocated.Length; round++)
            {
                var before = GC.GetAllocatedBytesForCurrentThread();
                for (var i = 0; i < 5; i++) sampler.Sample(logits, scratch);
                allocated[round] = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            // The just-in-time compiler may allocate in a round, once; a sampler that allocates does so in all.
            Assert.Contains(0, allocated);
        }
    }

    private static float[] Logits(Random random, int vocabulary, double spread) =>
        [.. Enumerable.Range(0, vocabulary).Select(_ => (float)(spread * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble())))];

    private static Sampler Prepare(SamplingParameters parameters, int[] prompt, int[] generated)
    {
        var sampler = new Sampler(parameters, prompt);
        foreach (var token in generated) sampler.Accept(token);
        return sampler;
    }

    private static Dictionary<int, int> Draws(float[] logits, SamplingParameters parameters, int draws, int[]? prompt = null, int[]? generated = null)
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

    /// <summary>
    /// Pearson's chi-square over bins of at least ten expected draws. Everything that the reference forbids must not occur at all.
    /// </summary>
    private static void AssertDistribution(float[] logits, SamplingParameters parameters, int[] prompt, int[] generated, int draws)
    {
        var expected = SamplerReference.Probabilities(logits, parameters, prompt, generated);
        var counts = Draws(logits, parameters, draws, prompt, generated);
        Assert.All(counts.Keys, token => Assert.True(expected[token] > 0, $"token {token} was truncated, yet drawn"));

        double chiSquare = 0, binExpected = 0, binSeen = 0;
        var bins = 0;
        foreach (var token in Enumerable.Range(0, logits.Length).Where(t => expected[t] > 0).OrderBy(t => expected[t]))
        {
            binExpected += expected[token] * draws;
            binSeen += counts.GetValueOrDefault(token);
            if (binExpected < 10) continue;
            chiSquare += (binSeen - binExpected) * (binSeen - binExpected) / binExpected;
            bins++;
            binExpected = binSeen = 0;
        }

        // Wilson-Hilferty: 4.5 standard deviations above the mean of the chi-square distribution. Seeds are fixed, so this cannot flicker.
        var degrees = Math.Max(1, bins - 1);
        var limit = degrees * Math.Pow(1 - (2.0 / (9 * degrees)) + (4.5 * Math.Sqrt(2.0 / (9 * degrees))), 3);
        Assert.True(chiSquare < limit, $"chi-square {chiSquare:F1} over {limit:F1} with {degrees} degrees of freedom");
    }
}
