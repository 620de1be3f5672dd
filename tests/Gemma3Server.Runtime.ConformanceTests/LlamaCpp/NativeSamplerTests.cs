using Gemma3Server.Runtime.LlamaCpp.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

public sealed class NativeSamplerTests
{
    private static readonly float[] Logits = [1f, 4f, 2f, 3.9f, -7f, 0f];

    [Fact]
    public void Sample_Greedy_TheLargestLogit()
    {
        using var sampler = NativeSampler.Create(6, new() { Temperature = 0 }, NullLoggerFactory.Instance);
        Assert.Equal(1, sampler.Sample(Logits));
    }

    [Fact]
    public void Sample_GreedyWithPenalties_CountsAcceptedTokens()
    {
        using var sampler = NativeSampler.Create(6, new() { Temperature = 0, PresencePenalty = 1f, FrequencyPenalty = 0.1f }, NullLoggerFactory.Instance);
        sampler.Accept(1);
        Assert.Equal(3, sampler.Sample(Logits));
        sampler.Accept(3);
        Assert.Equal(1, sampler.Sample(Logits));
        Assert.Throws<ArgumentOutOfRangeException>(() => sampler.Accept(6));
    }

    [Theory]
    [InlineData(2, 1f, 1f, 0f)]
    [InlineData(0, 0.85f, 1f, 0f)]
    [InlineData(0, 1f, 1f, 0.5f)]
    [InlineData(0, 1f, 0.8f, 0f)]
    public void Sample_Truncated_OnlySurvivors(int topK, float topP, float typicalP, float minP)
    {
        var options = new NativeSamplerOptions { TopK = topK, TopP = topP, TypicalP = typicalP, MinP = minP, Seed = 5 };
        using var sampler = NativeSampler.Create(6, options, NullLoggerFactory.Instance);
        var tokens = Enumerable.Range(0, 200).Select(_ => sampler.Sample(Logits)).Distinct().Order();
        Assert.Equal([1, 3], tokens);
    }
}
