using Gemma3Server.Engine.Tests.Sampling;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

/// <summary>Tokens that were drafted have the distribution of those that were not (p-value over 1 in 10,000).</summary>
public sealed class SpeculationDistributionTests
{
    private const int Draws = 20_000;

    private static readonly SamplingParameters Parameters = new() { TopK = 3, TopP = 1 };

    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 4, ContextLength = 64 };

    [Fact]
    public void Generate_ThreeTokensUnderPredictions_HaveTheModelsDistribution()
    {
        using var harness = new EngineHarness(
            Shape, new() { PrefixReuse = true, DraftMinimumMatch = 1 }, new StepClock(TimeSpan.FromMilliseconds(1)));
        int[] prompt = [FakeTokenizer.Bos, .. harness.Runtime.Tokenizer.Tokenize("any")];
        var first = Likely(prompt)[0];
        var second = Likely([.. prompt, first])[0];
        var third = Likely([.. prompt, first, second])[1];
        var counts = new Dictionary<(int, int), int>();
        for (var i = 0; i < Draws; i++)
        {
            var sequence = harness.Submit(new()
            {
                Id = "r",
                PromptTokens = prompt,
                MaxTokens = 4,
                IgnoreEndOfGeneration = true,
                PredictedTokens = [first, second, third, first],
                Sampling = Parameters with { Seed = (ulong)i },
            });
            while (!harness.Scheduler.IsIdle) harness.Executor.Step();
            var tokens = sequence.Tokens[prompt.Length..];
            if (tokens[0] == first) counts[(tokens[1], tokens[2])] = counts.GetValueOrDefault((tokens[1], tokens[2])) + 1;
        }

        // Those whose first token was the predicted one were drafted the next two.
        var total = counts.Values.Sum();
        var statistics = harness.Metrics.Snapshot(0, 0);
        Assert.True(statistics.DraftTokens > 1.5 * total && statistics.AcceptedDraftTokens > 2000, $"{statistics}");
        var (chi, cells) = (0.0, 0);
        foreach (var (a, pa) in Distribution([.. prompt, first]))
        {
            foreach (var (b, pb) in Distribution([.. prompt, first, a]))
            {
                var expected = pa * pb * total;
                if (expected < 5) continue;
                chi += Math.Pow(counts.GetValueOrDefault((a, b)) - expected, 2) / expected;
                cells++;
            }
        }

        // Wilson and Hilferty: the chi-square quantile at 1 - 1/10,000.
        var limit = cells * Math.Pow(1 - (2.0 / (9 * cells)) + (3.72 * Math.Sqrt(2.0 / (9 * cells))), 3);
        Assert.True(cells == 9 && total > 1000 && chi < limit, $"chi-square {chi:F1} over {limit:F1} in {cells} cells of {total}");
    }

    private static int[] Likely(int[] tokens) => [.. Distribution(tokens).OrderByDescending(p => p.Value).Select(p => p.Key)];

    private static Dictionary<int, double> Distribution(int[] tokens)
    {
        using var runtime = new FakeModelRuntime(Shape);
        var batch = new ForwardBatch();
        for (var i = 0; i < tokens.Length; i++) batch.Add(tokens[i], i, 0, i == tokens.Length - 1);
        runtime.Forward(batch);
        var probabilities = SamplerReference.Probabilities(runtime.Logits(tokens.Length - 1).ToArray(), Parameters, [], []);
        return Enumerable.Range(0, probabilities.Length).Where(i => probabilities[i] > 0).ToDictionary(i => i, i => probabilities[i]);
    }
}
