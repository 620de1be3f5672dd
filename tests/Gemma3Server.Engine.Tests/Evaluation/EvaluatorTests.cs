using Gemma3Server.Engine.Evaluation;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Evaluation;

public sealed class EvaluatorTests
{
    private static readonly FakeRuntimeOptions Other = new() { Salt = 1 };

    [Theory]
    [InlineData(1, 512, 64)]
    [InlineData(4, 512, 64)]
    [InlineData(4, 7, 5)]
    public void Run_RandomDocuments_EqualsTheNaiveScoresInTheOrderOfTheDocuments(int sequences, int rows, int chunk)
    {
        var random = new Random(3);
        var documents = Enumerable.Range(0, 12).Select(d => Document(random, d)).ToArray();
        var limits = new FakeRuntimeOptions { MaxSequences = sequences, MaxBatchTokens = rows, MicroBatchTokens = chunk };
        using var reference = new FakeModelRuntime(limits);
        using var model = new FakeModelRuntime(limits with { Salt = 1 });

        var scores = new Evaluator([("model", model)], ("reference", reference), cores: 3).Run(documents, cancellationToken: TestContext.Current.CancellationToken);

        var expected = documents.SelectMany(Naive).ToArray();
        Assert.Equal(expected.Length, scores.TokenCount);
        AssertNear(expected.Select(e => e.ReferenceLoss), scores.Reference!.LogLoss);
        AssertNear(expected.Select(e => e.Loss), scores.Models[0].LogLoss);
        AssertNear(expected.Select(e => e.Divergence), scores.Models[0].Divergence!);
        Assert.Equal(expected.Select(e => e.Agrees), scores.Models[0].Agrees!);
        Assert.All(scores.Models[0].Divergence!, divergence => Assert.True(divergence > 0.1));
        var starts = documents.Select((_, d) => documents[..d].Sum(before => before.ScoredCount)).Where((_, d) => documents[d].ScoredCount > 0);
        Assert.Equal(starts, scores.DocumentStarts);
        Assert.All(Enumerable.Range(0, sequences), id => Assert.Equal((0, 0), (reference.Length(id), model.Length(id))));
    }

    [Fact]
    public void Run_AModelAgainstItself_DiffersInNothing()
    {
        var random = new Random(4);
        var documents = Enumerable.Range(0, 12).Select(d => Document(random, d)).ToArray();
        using var reference = new FakeModelRuntime(Other);
        using var model = new FakeModelRuntime(Other);

        var result = EvaluationResult.Of(new Evaluator([("same", model)], ("reference", reference)).Run(documents, cancellationToken: TestContext.Current.CancellationToken));

        var same = Assert.Single(result.Models);
        Assert.Equal(result.Reference!.Perplexity, same.Perplexity);
        Assert.Equal(new Estimate(0, 0), same.Divergence);
        Assert.Equal(new Estimate(0, 0), same.PerplexityChange);
        Assert.Equal(new Estimate(1, 0), same.Agreement);
        Assert.Equal((0d, 0d), (same.DivergenceP99, same.DivergenceMax));
    }

    [Fact]
    public void Run_Progress_EndsAtAllRows()
    {
        using var model = new FakeModelRuntime();
        var told = new List<EvaluationProgress>();

        new Evaluator([("m", model)]).Run([Text("one", 300), Text("two", 20)], told.Add, TestContext.Current.CancellationToken);

        Assert.Equal(new EvaluationProgress(318, 318), told[^1]);
        Assert.Equal(told.OrderBy(step => step.Rows), told);
    }

    [Fact]
    public void Run_ForwardFails_NamesTheModel()
    {
        using var model = new FakeModelRuntime(new() { OnForward = _ => ForwardStatus.Failed });

        var error = Assert.Throws<EvaluationException>(() => new Evaluator([("broken", model)]).Run([Text("text", 9)], cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal("'broken' could not run 8 rows (Failed).", error.Message);
    }

    [Fact]
    public void Run_DocumentOverTheContext_NamesIt()
    {
        using var model = new FakeModelRuntime(new() { ContextLength = 8 });

        var error = Assert.Throws<EvaluationException>(() => new Evaluator([("m", model)]).Run([Text("line 3", 10)], cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal("line 3 has 10 tokens, and the context holds 8.", error.Message);
    }

    [Fact]
    public void Run_NothingToScore_SaysSo()
    {
        using var model = new FakeModelRuntime();

        Assert.Throws<EvaluationException>(() => new Evaluator([("m", model)]).Run([Text("empty", 1)], cancellationToken: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Run_Cancelled_Ends()
    {
        using var model = new FakeModelRuntime();
        using var stop = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() => new Evaluator([("m", model)]).Run([Text("long", 2000)], _ => stop.Cancel(), stop.Token));
    }

    private static EvaluationDocument Text(string name, int tokens) => new(name, [FakeTokenizer.Bos, .. Enumerable.Range(FakeTokenizer.FirstByte, tokens - 1).Select(t => t % 512)]);

    private static EvaluationDocument Document(Random random, int number)
    {
        int[] tokens = [FakeTokenizer.Bos, .. Enumerable.Range(0, random.Next(0, 40)).Select(_ => FakeTokenizer.FirstByte + random.Next(32, 127))];
        return new($"{number}", tokens, random.Next(2) == 0 ? null : [.. tokens.Select(_ => random.Next(3) == 0)]);
    }

    private static IEnumerable<(double ReferenceLoss, double Loss, double Divergence, bool Agrees)> Naive(EvaluationDocument document)
    {
        for (var i = 1; i < document.Tokens.Length; i++)
        {
            if (document.Scored is { } scored && !scored[i]) continue;
            var p = LogSoftmax(document.Tokens[..i], new());
            var q = LogSoftmax(document.Tokens[..i], Other);
            var token = document.Tokens[i];
            yield return (-p[token], -q[token], p.Zip(q, (a, b) => Math.Exp(a) * (a - b)).Sum(), Array.IndexOf(p, p.Max()) == Array.IndexOf(q, q.Max()));
        }
    }

    private static double[] LogSoftmax(int[] tokens, FakeRuntimeOptions options)
    {
        using var runtime = new FakeModelRuntime(options);
        var batch = new ForwardBatch();
        for (var i = 0; i < tokens.Length; i++) batch.Add(tokens[i], i, 0, i == tokens.Length - 1);
        Assert.Equal(ForwardStatus.Ok, runtime.Forward(batch));
        double[] logits = [.. runtime.Logits(tokens.Length - 1).ToArray().Select(z => (double)z)];
        var sum = Math.Log(logits.Sum(Math.Exp));
        return [.. logits.Select(z => z - sum)];
    }

    private static void AssertNear(IEnumerable<double> expected, double[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 2e-6 * Math.Max(1, Math.Abs(pair.First))));
}
