namespace Gemma3Server.Engine.Tests.Sampling;

/// <summary>The distribution of 100,000 seeded draws is that of the reference in double precision (p-value over 1 in 10,000).</summary>
public sealed class SamplerDistributionTests
{
    private const int Gemma = 262_144;
    private const int Many = 100_000;

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
        Plain with { TypicalP = 0.2f },
        Plain with { TypicalP = 0.9f, Temperature = 0.7f },
        Plain with { TypicalP = 0.6f, TopP = 0.8f, MinP = 0.05f },
        Plain with { TypicalP = 0.5f, TopK = 30, TopP = 0.9f },
        Plain with { TopK = 20, TopP = 0.8f, MinP = 0.05f, Temperature = 1.3f },
        new SamplingParameters(),
        Plain with { PresencePenalty = 1.5f, FrequencyPenalty = 0.7f },
        Plain with { PresencePenalty = -1f, TopK = 30 },
        Plain with { RepeatPenalty = 1.4f, TopP = 0.9f },
        Plain with { LogitBias = new Dictionary<int, float> { [3] = 4f, [5] = -100f, [11] = 1.5f }, TopK = 40 },
    ];

    [Theory]
    [MemberData(nameof(Parameters))]
    public void Sample_SmallVocabulary_MatchesReference(SamplingParameters parameters)
    {
        var random = new Random(7);
        foreach (var vocabulary in new[] { 50, 600 })
        {
            Draws.AssertDistribution(TestLogits.Normal(random, vocabulary, 1.5), parameters, Many, [3, 4, 9, 9], [7, 7, 7, 4, 20]);
        }
    }

    [Theory]
    [InlineData(0.95f, 1f, 0f, 1f, Many)]
    [InlineData(0.5f, 1f, 0f, 1.6f, Many)] // hot: most draws fall outside the nucleus
    [InlineData(0.95f, 1f, 0.1f, 0.8f, Many)]
    [InlineData(1f, 1f, 0.02f, 1.2f, Many)]
    [InlineData(1f, 0.7f, 0f, 1f, 10_000)] // thirty passes for each
    [InlineData(0.7f, 0.8f, 0.1f, 0.5f, 10_000)]
    public void Sample_MoreTokensThanAreListed_MatchesReference(float topP, float typicalP, float minP, float temperature, int draws)
    {
        var parameters = Plain with { TopP = topP, TypicalP = typicalP, MinP = minP, Temperature = temperature };
        Draws.AssertDistribution(TestLogits.Normal(new(8), 5000, 1), parameters, draws);
        // Ties by the hundred: equal logits go to the lower token.
        Draws.AssertDistribution([.. TestLogits.Normal(new(9), 5000, 1).Select(l => MathF.Round(l * 2) / 2)], parameters, draws);
    }

    [Theory]
    [InlineData(64, 0.95f, 1f, 0f, 1f, Many)]
    [InlineData(0, 1f, 1f, 0.02f, 1f, Many)]
    [InlineData(0, 1f, 1f, 0f, 1f, 20_000)]
    [InlineData(0, 0.9f, 1f, 0f, 1f, 20_000)]
    [InlineData(64, 1f, 0.6f, 0f, 1f, 20_000)]
    [InlineData(0, 1f, 0.6f, 0f, 1f, 2000)]
    [InlineData(64, 0.95f, 1f, 0f, 1.3f, 20_000)]
    public void Sample_GemmaVocabulary_MatchesReference(int topK, float topP, float typicalP, float minP, float repeatPenalty, int draws)
    {
        var logits = TestLogits.Peaked(new(11), Gemma);
        var parameters = Plain with { TopK = topK, TopP = topP, TypicalP = typicalP, MinP = minP, RepeatPenalty = repeatPenalty };
        int[] prompt = [.. Enumerable.Range(0, Gemma).OrderByDescending(i => logits[i]).Take(3)];
        Draws.AssertDistribution(logits, parameters, draws, prompt, [prompt[1]]);
    }

    [Theory]
    [InlineData(64, 0.95f, 0f, 3.0)]
    [InlineData(0, 0.95f, 0f, 3.0)]
    [InlineData(0, 1f, 0.05f, 3.0)]
    [InlineData(0, 0.5f, 0f, 0.05)] // nearly flat: half the vocabulary survives
    [InlineData(0, 1f, 0f, 3.0)]
    [InlineData(2000, 1f, 0f, 3.0)]
    public void Sample_GemmaVocabularyWithManySurvivors_MatchesReference(int topK, float topP, float minP, double spread)
    {
        var logits = TestLogits.Normal(new(11), Gemma, spread);
        Draws.AssertDistribution(logits, Plain with { TopK = topK, TopP = topP, MinP = minP, Temperature = 0.9f }, 200);
    }

    [Fact]
    public void ChiSquare_TemperatureThreePercentOff_IsSeen()
    {
        var logits = TestLogits.Normal(new(7), 600, 1.5);
        var counts = Draws.Count(logits, Plain with { Temperature = 1.03f }, Many);
        var (value, limit) = Draws.ChiSquare(SamplerReference.Probabilities(logits, Plain, [], []), counts, Many);
        Assert.True(value > limit, $"chi-square {value:F1} within {limit:F1}");
    }
}
