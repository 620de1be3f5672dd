using Gemma3Server.Engine.Evaluation;

namespace Gemma3Server.Engine.Tests.Evaluation;

public sealed class RowScorerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(512)]
    [InlineData(262_145)]
    public void Score_EqualLogits_IsTheLogarithmOfTheirNumber(int vocabulary)
    {
        var logits = Enumerable.Repeat(3.5f, vocabulary).ToArray();

        Assert.Equal(Math.Log(vocabulary), new RowScorer(vocabulary).Score(logits, vocabulary - 1).LogLoss, 1e-6);
    }

    [Theory]
    [InlineData(5, 1)]
    [InlineData(77, 10)]
    [InlineData(4099, 40)]
    public void Compare_RandomLogits_EqualsTheNaiveSums(int vocabulary, int spread)
    {
        var random = new Random(vocabulary);
        var scorer = new RowScorer(vocabulary);
        for (var round = 0; round < 20; round++)
        {
            var reference = Enumerable.Range(0, vocabulary).Select(_ => (float)(spread * (random.NextDouble() - 0.5)) - 100).ToArray();
            var model = reference.Select(z => z + (float)random.NextDouble()).ToArray();
            var token = random.Next(vocabulary);
            var (p, q) = (LogSoftmax(reference), LogSoftmax(model));

            var referenceScore = scorer.Reference(reference, token);
            var score = scorer.Compare(model, reference, token);

            Assert.Equal(-p[token], referenceScore.LogLoss, 1e-5);
            Assert.Equal(-q[token], score.LogLoss, 1e-5);
            Assert.Equal(-q[token], scorer.Score(model, token).LogLoss, 1e-5);
            Assert.Equal(p.Zip(q, (a, b) => Math.Exp(a) * (a - b)).Sum(), score.Divergence, 1e-6);
            Assert.Equal(Array.IndexOf(p, p.Max()) == Array.IndexOf(q, q.Max()), score.Agrees);
        }
    }

    [Fact]
    public void Compare_TheSameLogits_IsExactlyNothing()
    {
        var random = new Random(1);
        var logits = Enumerable.Range(0, 1001).Select(_ => (float)(30 * random.NextDouble())).ToArray();
        var scorer = new RowScorer(logits.Length);

        var reference = scorer.Reference(logits, 5);

        Assert.Equal(new RowScore(reference.LogLoss, 0, true), scorer.Compare([.. logits], logits, 5));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Score_BrokenLogits_AreNotFinite(float broken) => Assert.False(double.IsFinite(new RowScorer(3).Score([1, broken, 2], 0).LogLoss));

    private static double[] LogSoftmax(float[] logits)
    {
        var most = (double)logits.Max();
        var sum = logits.Sum(z => Math.Exp(z - most));
        return [.. logits.Select(z => z - most - Math.Log(sum))];
    }
}
