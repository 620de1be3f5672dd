using Gemma3Server.Engine.Evaluation;

namespace Gemma3Server.Engine.Tests.Evaluation;

public sealed class EvaluationResultTests
{
    [Fact]
    public void Of_FewDocuments_HasTheErrorOfIndependentTokens()
    {
        double[] losses = [1, 2, 4, 5];
        var result = EvaluationResult.Of(new(null, [Scores("m", losses)], [0, 2], 4));

        // Mean 3, sample deviation sqrt(10/3), its error sqrt(10/3)/2.
        var error = Math.Sqrt(10d / 3) / 2;
        Assert.False(result.ErrorsOverDocuments);
        AssertEstimate(Math.Exp(3), Math.Exp(3) * error, result.Models[0].Perplexity);
        AssertEstimate(3 / Math.Log(2), error / Math.Log(2), result.Models[0].BitsPerToken);
        Assert.Null(result.LossRecovered);
    }

    [Fact]
    public void Of_OneToken_HasNoError()
    {
        var result = EvaluationResult.Of(new(null, [Scores("m", [1])], [0], 1));

        Assert.Null(result.Models[0].Perplexity.StandardError);
    }

    [Fact]
    public void Of_TokensOfADocumentAlike_HasTheErrorOfDocuments()
    {
        // Ten documents whose five tokens repeat one value: as good as ten tokens, not fifty.
        double[] values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        double[] losses = [.. values.SelectMany(value => Enumerable.Repeat(value / 10, 5))];
        var result = EvaluationResult.Of(new(null, [Scores("m", losses)], [.. Enumerable.Range(0, 10).Select(d => 5 * d)], 50));

        Assert.True(result.ErrorsOverDocuments);
        var error = Math.Sqrt(values.Sum(v => Math.Pow(v / 10 - 0.55, 2)) / 9 / 10);
        AssertEstimate(Math.Exp(0.55), Math.Exp(0.55) * error, result.Models[0].Perplexity);
    }

    [Fact]
    public void Of_ModelThatIsAlwaysALittleWorse_HasAPairedErrorFarBelowItsOwn()
    {
        var random = new Random(1);
        double[] losses = [.. Enumerable.Range(0, 1000).Select(_ => 3 * random.NextDouble())];
        var scores = new EvaluationScores(Scores("full", losses), [Compared("worse", [.. losses.Select(loss => loss + 0.01)])], [0], 1000);

        var model = EvaluationResult.Of(scores).Models[0];

        var full = Math.Exp(losses.Average());
        Assert.Equal(full * (Math.Exp(0.01) - 1), model.PerplexityChange!.Value.Value, 1e-9);
        Assert.True(model.PerplexityChange.Value.StandardError < 0.02 * model.Perplexity.StandardError);
    }

    [Fact]
    public void Of_TwoModelsAndAReference_TellsTheShareRecoveredWithTheErrorOfABootstrap()
    {
        const int Documents = 200;
        var random = new Random(7);
        var lengths = Enumerable.Range(0, Documents).Select(_ => random.Next(2, 9)).ToArray();
        var starts = lengths.Select((_, d) => lengths[..d].Sum()).ToArray();
        var count = lengths.Sum();
        double[] full = [.. Enumerable.Range(0, count).Select(_ => 1 + random.NextDouble())];
        double[] plain = [.. full.Select(loss => loss + 0.1 + 0.2 * random.NextDouble())];
        double[] trained = [.. full.Select(loss => loss + 0.05 + 0.1 * random.NextDouble())];

        var result = EvaluationResult.Of(new(Scores("full", full), [Compared("plain", plain), Compared("trained", trained)], starts, count)).LossRecovered!.Value;

        double Perplexity(double[] losses, int[] chosen) =>
            Math.Exp(chosen.Sum(d => losses[starts[d]..(starts[d] + lengths[d])].Sum()) / chosen.Sum(d => lengths[d]));
        double Share(int[] chosen) => 1 - (Perplexity(trained, chosen) - Perplexity(full, chosen)) / (Perplexity(plain, chosen) - Perplexity(full, chosen));
        var resampled = Enumerable.Range(0, 1000).Select(_ => Share([.. Enumerable.Range(0, Documents).Select(_ => random.Next(Documents))])).ToArray();
        var deviation = Math.Sqrt(resampled.Sum(share => Math.Pow(share - resampled.Average(), 2)) / resampled.Length);
        Assert.Equal(Share([.. Enumerable.Range(0, Documents)]), result.Value, 1e-9);
        Assert.InRange(result.StandardError!.Value, 0.85 * deviation, 1.15 * deviation);
    }

    [Fact]
    public void Of_FirstModelLosesNothing_HasAShareWithoutAnError()
    {
        var random = new Random(7);
        double[] full = [.. Enumerable.Range(0, 500).Select(_ => random.NextDouble())];
        double[] Noisy() => [.. full.Select(loss => loss + random.NextDouble() - 0.5)];

        var result = EvaluationResult.Of(new(Scores("full", full), [Compared("a", Noisy()), Compared("b", Noisy())], [0], 500));

        Assert.Null(result.LossRecovered!.Value.StandardError);
    }

    [Fact]
    public void Of_Divergences_HasTheirMeanTheirQuantileAndTheLargest()
    {
        var scores = Compared("m", new double[200]);
        for (var i = 0; i < 200; i++) (scores.Divergence![i], scores.Agrees![i]) = ((i * 7 % 200) / 100d, i % 4 != 0);

        var model = EvaluationResult.Of(new(Scores("full", new double[200]), [scores], [0], 200)).Models[0];

        Assert.Equal(0.995, model.Divergence!.Value.Value, 1e-12);
        Assert.Equal((1.97, 1.99), (model.DivergenceP99, model.DivergenceMax));
        AssertEstimate(0.75, Math.Sqrt(0.75 * 0.25 / 199), model.Agreement!.Value);
    }

    private static TokenScores Scores(string name, double[] losses, bool compared = false)
    {
        var scores = new TokenScores(name, losses.Length, compared);
        losses.CopyTo(scores.LogLoss, 0);
        return scores;
    }

    private static TokenScores Compared(string name, double[] losses) => Scores(name, losses, compared: true);

    private static void AssertEstimate(double value, double error, Estimate actual)
    {
        Assert.Equal(value, actual.Value, 1e-9);
        Assert.Equal(error, actual.StandardError!.Value, 1e-9);
    }
}
