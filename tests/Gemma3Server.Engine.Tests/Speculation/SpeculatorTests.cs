using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

/// <summary>Drafts are made where they pay, by what a runtime's steps take on a clock of its own.</summary>
public sealed class SpeculatorTests
{
    private const int Tokens = 400;

    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 16, ContextLength = 1024, MaxBatchTokens = 512 };

    /// <summary>As on a GPU: a step reads all weights, rows cost little.</summary>
    [Theory]
    [InlineData(1, 3.0)]
    [InlineData(8, 2.0)]
    public void Generate_PredictedTextAndCheapRows_TakesAPartOfTheSteps(int streams, double atLeast)
    {
        var ratio = Time(streams, row: 0.02, off: true) / Time(streams, row: 0.02, off: false);
        Assert.True(ratio >= atLeast, $"only {ratio:F2} times as fast");
    }

    /// <summary>As on a busy CPU: a row costs what a step of a stream does.</summary>
    [Fact]
    public void Generate_PredictedTextAndDearRows_IsLeftAlone()
    {
        var ratio = Time(8, row: 1.2, off: true) / Time(8, row: 1.2, off: false);
        Assert.InRange(ratio, 0.98, 1.2);
    }

    /// <summary>Every third predicted token is wrong, so that places are found and nothing holds.</summary>
    [Theory]
    [InlineData(1, 0.02)]
    [InlineData(1, 0.5)]
    [InlineData(1, 1.2)]
    [InlineData(8, 0.02)]
    [InlineData(8, 0.5)]
    public void Generate_NothingHolds_LosesLessThanTwoPercent(int streams, double row)
    {
        var ratio = Time(streams, row, off: true, wrong: true, tokens: 900) / Time(streams, row, off: false, wrong: true, tokens: 900);
        Assert.True(ratio >= 0.98, $"{ratio:F3} of the speed without drafts");
    }

    /// <summary>As measured on a CPU: two rows cost four times what one does, and sixteen only eight times.</summary>
    [Theory]
    [InlineData(1, 0, 1.8)]
    [InlineData(1, 20, 1.2)]
    [InlineData(8, 0, 1.5)]
    [InlineData(16, 0, 1.2)]
    public void Generate_PredictedTextOnMeasuredCpu_IsFasterByMostOfWhatIsPossible(int streams, int wrongEach, double atLeast)
    {
        var ratio = TimeOnCpu(streams, off: true, Changed(wrongEach)) / TimeOnCpu(streams, off: false, Changed(wrongEach));
        Assert.True(ratio >= atLeast, $"only {ratio:F2} times as fast");
    }

    /// <summary>Every tenth token is another one, or every fifth: what drafts can gain there is little, and they lose nothing.</summary>
    [Theory]
    [InlineData(1, 10)]
    [InlineData(1, 5)]
    [InlineData(8, 10)]
    [InlineData(8, 5)]
    [InlineData(16, 10)]
    [InlineData(16, 5)]
    public void Generate_EditedTextOnMeasuredCpu_LosesNothing(int streams, int wrongEach)
    {
        var ratio = TimeOnCpu(streams, off: true, Changed(wrongEach)) / TimeOnCpu(streams, off: false, Changed(wrongEach));
        Assert.True(ratio >= 0.98, $"{ratio:F3} of the speed without drafts");
    }

    /// <summary>Places are found all the time, and nothing that followed there holds.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(16)]
    public void Generate_NothingHoldsOnMeasuredCpu_LosesNothing(int streams)
    {
        var ratio = TimeOnCpu(streams, off: true, Scrambled) / TimeOnCpu(streams, off: false, Scrambled);
        Assert.True(ratio >= 0.98, $"{ratio:F3} of the speed without drafts");
    }

    /// <summary>Whether guesses hold is seen without running them, so the first ones that are run hold.</summary>
    [Fact]
    public void Generate_PredictedTextOnMeasuredCpu_IsDraftedBeforeTheTwelfthToken()
    {
        using var runtime = new MeasuredRuntime(Shape);
        using var harness = new EngineHarness(runtime, new(), runtime.Clock);
        var request = Request(0, Tokens);
        var sequence = harness.Submit(request with { PredictedTokens = EngineHarness.RunAlone(request, Shape).Tokens });
        for (var steps = 0; harness.Metrics.Snapshot(0, 0).DraftTokens == 0; steps++)
        {
            Assert.True(steps < Tokens, "Nothing is drafted.");
            harness.Step();
        }

        Assert.InRange(sequence.Generated, 8, 12 + 8);
        var statistics = harness.Metrics.Snapshot(0, 0);
        Assert.Equal(statistics.DraftTokens, statistics.AcceptedDraftTokens);
    }

    /// <summary>Steps that took no time tell nothing of what drafts gain or lose, so they take no credit.</summary>
    [Fact]
    public void Generate_PredictedTextAfterStepsWithoutTime_IsDrafted()
    {
        var clock = new StepClock(TimeSpan.Zero);
        var step = TimeSpan.Zero;
        var shape = Shape with
        {
            OnForward = _ =>
            {
                clock.Advance(step);
                return ForwardStatus.Ok;
            },
        };
        using var harness = new EngineHarness(shape, clock: clock);
        harness.Submit("no time", 5);
        harness.RunToEnd();

        step = TimeSpan.FromMilliseconds(1);
        for (var i = 0; i < 2; i++)
        {
            var request = Request(i, Tokens);
            harness.Submit(request with { PredictedTokens = EngineHarness.RunAlone(request, Shape).Tokens });
        }

        harness.RunToEnd();
        Assert.InRange(harness.Metrics.Snapshot(0, 0).AcceptedDraftTokens, Tokens / 2, 2 * Tokens);
    }

    /// <summary>A draft model need not hold as much as the served one: behind its end nothing is drafted, and the text is the same.</summary>
    [Fact]
    public void Generate_PastTheContextOfTheDraftModel_GoesOnWithoutDrafts()
    {
        const int Short = 128;
        var request = Request(0, Tokens);
        using var harness = new EngineHarness(
            Shape, new() { Speculation = SpeculationMode.Draft }, new StepClock(TimeSpan.FromMilliseconds(1)), draft: Shape with { ContextLength = Short });
        foreach (var _ in Enumerable.Range(0, 2)) // the second one in an id whose draft is full
        {
            var sequence = harness.Submit(request);
            var before = harness.Metrics.Snapshot(0, 0).AcceptedDraftTokens;
            harness.RunToEnd();
            Assert.Equal(EngineHarness.RunAlone(request, Shape).Tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
            Assert.InRange(harness.Metrics.Snapshot(0, 0).AcceptedDraftTokens - before, Short / 4, Short);
        }
    }

    [Fact]
    public void Generate_Deterministic_IsNotDrafted()
    {
        var request = Request(0, 50);
        using var harness = new EngineHarness(Shape, clock: new StepClock(TimeSpan.FromMilliseconds(1)));
        harness.Submit(request with { Deterministic = true, PredictedTokens = EngineHarness.RunAlone(request, Shape).Tokens });
        harness.RunToEnd();
        Assert.Equal(0, harness.Metrics.Snapshot(0, 0).DraftTokens);
    }

    /// <summary>A draft model that guesses all, in so many steps of the served one for a token, where rows cost little.</summary>
    [Theory]
    [InlineData(1, 0.05, 3.0)]
    [InlineData(8, 0.05, 1.8)]
    [InlineData(1, 1.0, 0.98)]
    [InlineData(8, 1.0, 0.98)]
    public void Generate_DraftModelThatKnows_IsUsedWhereItIsFast(int streams, double stepsPerToken, double atLeast)
    {
        var ratio = Drafted(SpeculationMode.Off) / Drafted(SpeculationMode.Draft);
        Assert.True(ratio >= atLeast, $"only {ratio:F3} times as fast");

        double Drafted(SpeculationMode mode)
        {
            using var runtime = new LinearRuntime(Shape, row: 0.02);
            using var draft = new SlowRuntime(() => runtime.Advance(TimeSpan.FromMilliseconds(stepsPerToken)));
            using var harness = new EngineHarness(runtime, new() { Speculation = mode }, runtime.Clock, draft);
            var began = runtime.Clock.GetTimestamp();
            for (var i = 0; i < streams; i++) harness.Submit(Request(i, 900));
            harness.RunToEnd();
            return runtime.Clock.GetElapsedTime(began).TotalSeconds;
        }
    }

    [Fact]
    public void Generate_DraftModelThatKnows_IsAcceptedAlmostAlways()
    {
        var request = Request(0, 300);
        var expected = EngineHarness.RunAlone(request, Shape).Tokens;
        using var harness = new EngineHarness(Shape, clock: new StepClock(TimeSpan.FromMilliseconds(1)), draft: Shape);
        var sequence = harness.Submit(request);
        harness.RunToEnd();
        Assert.Equal(expected, sequence.Tokens[sequence.PromptLength..].ToArray());
        var statistics = harness.Metrics.Snapshot(0, 0);
        Assert.True(statistics.AcceptedDraftTokens > 200 && statistics.AcceptedDraftTokens > 0.95 * statistics.DraftTokens, $"{statistics}");
    }

    private static double Time(int streams, double row, bool off, bool wrong = false, int tokens = Tokens)
    {
        using var runtime = new LinearRuntime(Shape, row);
        return Time(runtime, streams, off, wrong ? Scrambled : static answer => answer, tokens, wrong);
    }

    /// <summary>Predicts the answer with every so manieth token another one; 0 = as it is.</summary>
    private static Func<int[], int[]> Changed(int each) => answer =>
        each == 0 ? answer : [.. answer.Select((token, t) => t % each == each - 1 ? FakeTokenizer.FirstByte + 1 : token)];

    private static double TimeOnCpu(int streams, bool off, Func<int[], int[]> predict)
    {
        using var runtime = new MeasuredRuntime(Shape);
        return Time(runtime, streams, off, predict, Tokens, wrong: false);
    }

    private static int[] Scrambled(int[] answer) => [.. answer.Chunk(3).Reverse().SelectMany(three => (int[])[.. three, FakeTokenizer.FirstByte + 1])];

    private static double Time(ClockedRuntime runtime, int streams, bool off, Func<int[], int[]> predict, int tokens, bool wrong)
    {
        using var harness = new EngineHarness(runtime, new() { Speculation = off ? SpeculationMode.Off : SpeculationMode.Auto }, runtime.Clock);
        var began = runtime.Clock.GetTimestamp();
        for (var i = 0; i < streams; i++)
        {
            var request = Request(i, tokens);
            var answer = EngineHarness.RunAlone(request, Shape).Tokens;
            harness.Submit(request with { PredictedTokens = predict(answer) });
        }

        harness.RunToEnd();
        var statistics = harness.Metrics.Snapshot(0, 0);
        if (wrong) Assert.True(statistics.AcceptedDraftTokens <= 0.05 * statistics.CompletionTokens, $"{statistics}");
        return runtime.Clock.GetElapsedTime(began).TotalSeconds;
    }

    private static GenerationRequest Request(int number, int tokens) => Requests.Greedy($"request {number}", tokens);

    /// <summary>The served model once more, whose steps take time of the served one's clock.</summary>
    private sealed class SlowRuntime(Action step) : DelegatingRuntime(new FakeModelRuntime(Shape))
    {
        public override ForwardStatus Forward(ForwardBatch batch)
        {
            step();
            return base.Forward(batch);
        }
    }
}
