using System.Text;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Execution;

public sealed class StepExecutorTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MicroBatchTokens = 16, MaxBatchTokens = 64 };

    [Fact]
    public void Step_Greedy_EqualsTheModelsOwnTokens()
    {
        using var harness = new EngineHarness(Shape);
        var sequence = harness.Submit("the prompt", 30);
        harness.RunToEnd();
        for (var n = sequence.PromptLength; n < sequence.Count; n++)
        {
            Assert.Equal(FakeModelRuntime.GreedyNext(sequence.Tokens[..n].ToArray(), Shape), sequence.Tokens[n]);
        }

        Assert.Equal(new GenerationEvent.Finished(FinishReason.Length, 30), sequence.Events().Finish());
    }

    [Fact]
    public void Step_EndOfTurn_StopsAndCountsIt()
    {
        var events = Answer("hi", r => r with { IgnoreEndOfGeneration = false });
        Assert.Equal(
            [new GenerationEvent.Started(3, 0) { Cache = new(0, CacheSource.None, 0, CacheMiss.NeverSeen) }, new GenerationEvent.Text("h", 1), new GenerationEvent.Text("i", 2), new GenerationEvent.Finished(FinishReason.Stop, 3)],
            events);
    }

    [Fact]
    public void Step_IgnoreEndOfGeneration_GoesOnToTheExactLength()
    {
        var events = Answer("hi", r => r with { MaxTokens = 9 });
        Assert.Equal("hi", events.Text());
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Length, 9), events.Finish());
    }

    [Fact]
    public void Step_StopStringOverManyTokens_NothingOfItLeaksAndNothingIsGeneratedBeyond()
    {
        var events = Answer("text ENDENOUGH", r => r with { Stop = ["ENDX", "ENOUGH", "UGHxx"] });
        Assert.Equal("text END", events.Text());
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Stop, 14, "ENOUGH"), events.Finish());
    }

    [Fact]
    public void Step_EndWithHeldBackText_IsEmitted()
    {
        var events = Answer("some EN", r => r with { Stop = ["END"], IgnoreEndOfGeneration = false });
        Assert.Equal("some EN", events.Text());
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Stop, 8), events.Finish());
    }

    [Fact]
    public void Step_StopStringStraddlesCharacters_Found()
    {
        var events = Answer("a😀é|b", r => r with { Stop = ["é|"] });
        Assert.Equal("a😀", events.Text());
        Assert.Equal("é|", events.Finish().StopString);
    }

    [Fact]
    public void Step_CharactersOverSeveralTokens_WholeInEveryEvent()
    {
        var events = Answer("é😀x", r => r with { MaxTokens = 7 });
        Assert.Equal(["é", "😀", "x"], events.OfType<GenerationEvent.Text>().Select(t => t.Value));
        Assert.Equal([2, 6, 7], events.OfType<GenerationEvent.Text>().Select(t => t.Tokens));
    }

    [Fact]
    public void Step_EndsInsideACharacter_ReplacementAtTheEnd()
    {
        var events = Answer("é😀x", r => r with { MaxTokens = 4 });
        Assert.Equal("é\uFFFD", events.Text());
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Length, 4), events.Finish());
    }

    [Fact]
    public void Step_ContextFull_EndsWithLength()
    {
        using var harness = new EngineHarness(Shape with { ContextLength = 32 });
        var sequence = harness.Submit(new string('a', 25), 1000);
        harness.RunToEnd();
        Assert.Equal(32, sequence.Count);
        Assert.Equal(FinishReason.Length, sequence.Events().Finish().Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(19)]
    public void Step_ResumedRequest_ContinuesTokensTextAndStopStrings(int emitted)
    {
        var request = Requests.Greedy("resume me", 20) with
        {
            Sampling = new() { Seed = 5, FrequencyPenalty = 0.4f },
            Stop = ["\u0001never", "zzzzzz"],
        };
        var (tokens, events) = EngineHarness.RunAlone(request, Shape);
        var (rest, resumed) = EngineHarness.RunAlone(request with { EmittedTokens = tokens[..emitted] }, Shape);
        Assert.Equal(tokens, rest);
        Assert.Equal(events.Text()[emitted..], resumed.Text()); // one character per token here
        Assert.Equal(events.Finish(), resumed.Finish());
    }

    [Fact]
    public void Step_ResumedInsideAStopString_TextIsStillHeldBack()
    {
        using var harness = new EngineHarness(Shape with { Next = Requests.Answer(2, "abEND more") });
        int[] emitted = [.. Encoding.UTF8.GetBytes("abEN").Select(b => FakeTokenizer.FirstByte + b)];
        var sequence = harness.Submit("p", 50, r => r with { Stop = ["END"], EmittedTokens = emitted });
        harness.RunToEnd();
        var events = sequence.Events();
        Assert.Equal("", events.Text());
        Assert.Equal(new GenerationEvent.Finished(FinishReason.Stop, 5, "END"), events.Finish());
    }

    [Fact]
    public void Step_NoSpace_EvictsIdleEntriesFirst()
    {
        using var harness = new EngineHarness(Shape with { SharedCells = 100 });
        harness.Submit(new string('a', 60), 2);
        harness.RunToEnd();
        var second = harness.Submit(new string('b', 60), 10);
        harness.RunToEnd();
        Assert.Equal(10, second.Events().Finish().CompletionTokens);
        Assert.Single(new[] { 0, 1 }, id => harness.Runtime.Length(id) > 0);
    }

    [Fact]
    public void Step_NoSpaceAmongRunning_PreemptsTheYoungestAndRepeatsNoText()
    {
        var shape = Shape with { SharedCells = 100 };
        using var harness = new EngineHarness(shape, new() { ReserveTokens = 0 });
        var sequences = Enumerable.Range(0, 3).Select(i => harness.Submit($"prompt number {i}", 50)).ToArray();
        var preempted = new HashSet<long>();
        while (!harness.Scheduler.IsIdle)
        {
            harness.Step();
            foreach (var s in sequences.Where(s => s.State == SequenceState.Preempted)) preempted.Add(s.Number);
        }

        Assert.DoesNotContain(0, preempted);
        Assert.Contains(2, preempted);
        foreach (var sequence in sequences)
        {
            var (tokens, events) = EngineHarness.RunAlone(sequence.Request, shape);
            Assert.Equal(tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
            Assert.Equal(events[1..], sequence.Events()[1..]); // the first says that alone the cache was off
        }
    }

    [Fact]
    public void Step_GrowsBeyondAllCells_FailsClearlyAndOthersGoOn()
    {
        using var harness = new EngineHarness(Shape with { SharedCells = 50 });
        var endless = harness.Submit("p", 500);
        var other = harness.Submit("q", 10);
        harness.RunToEnd();
        var failure = endless.Events().Failure();
        Assert.Equal(GenerationError.OutOfMemory, failure.Error);
        Assert.Contains("50", failure.Message, StringComparison.Ordinal);
        Assert.Equal(10, other.Events().Finish().CompletionTokens);
    }

    [Fact]
    public void Step_PromptBeyondAllCells_FailsAtOnceWithoutWaitingForOthers()
    {
        using var harness = new EngineHarness(Shape with { SharedCells = 50 });
        var running = harness.Submit("p", 20);
        harness.Step();
        var large = harness.Submit(new string('x', 60), 5);
        harness.Step();
        Assert.Equal(GenerationError.OutOfMemory, large.Events().Failure().Error);
        Assert.Equal(SequenceState.Running, running.State);
        harness.RunToEnd();
        Assert.Equal(20, running.Events().Finish().CompletionTokens);
    }

    [Fact]
    public void Step_OnlyRequestIsTooLong_StepIsHarmless()
    {
        using var harness = new EngineHarness(Shape with { SharedCells = 20 });
        var large = harness.Submit(new string('x', 60), 5);
        harness.Step();
        Assert.True(harness.Scheduler.IsIdle);
        large.Events().Failure();
        Assert.Equal(0, harness.Runtime.Forwards);
    }

    [Theory]
    [InlineData(ForwardStatus.Failed)]
    [InlineData(ForwardStatus.Aborted)]
    public void Step_ForwardFailsOnce_NobodyNotices(ForwardStatus status)
    {
        var shape = Shape with { OnForward = n => n is 1 or 4 ? status : ForwardStatus.Ok };
        using var harness = new EngineHarness(shape);
        var sequence = harness.Submit(new string('a', 20), 10);
        harness.RunToEnd();
        Assert.Equal(EngineHarness.RunAlone(sequence.Request, shape).Tokens, sequence.Tokens[21..].ToArray());
    }

    [Fact]
    public void Step_ForwardKeepsFailingForOneSequence_OnlyThatOneFails()
    {
        using var harness = new EngineHarness(new PartialFailureRuntime(new(Shape), poison: FakeTokenizer.FirstByte + '!', rowsKept: 0));
        var good = harness.Submit("good", 12);
        var bad = harness.Submit("bad!", 12);
        var other = harness.Submit("other", 12);
        harness.RunToEnd();
        Assert.Equal(12, good.Events().Finish().CompletionTokens);
        Assert.Equal(12, other.Events().Finish().CompletionTokens);
        Assert.Equal(GenerationError.RuntimeFailed, bad.Events().Failure().Error);
        Assert.Equal(EngineHarness.RunAlone(good.Request, Shape).Tokens, good.Tokens[good.PromptLength..].ToArray());
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(1000)]
    public void Step_FailureLeavesSomeRowsBehind_GoesOnFromThere(int rowsKept)
    {
        using var harness = new EngineHarness(new PartialFailureRuntime(new(Shape), failures: 3, rowsKept: rowsKept));
        Sequence[] sequences = [harness.Submit(new string('a', 40), 12), harness.Submit("short", 12)];
        harness.RunToEnd();
        Assert.All(sequences, s => Assert.Equal(EngineHarness.RunAlone(s.Request, Shape).Tokens, s.Tokens[s.PromptLength..].ToArray()));
    }

    [Fact]
    public void Step_InvalidRequest_FailsAlone()
    {
        using var harness = new EngineHarness(Shape);
        var good = harness.Submit("good", 5);
        var bad = harness.Submit(Requests.Greedy("", 5) with { PromptTokens = [2, 99_999] });
        harness.RunToEnd();
        Assert.Equal(5, good.Events().Finish().CompletionTokens);
        Assert.Contains("InvalidBatch", bad.Events().Failure().Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Step_LogitsAreNotNumbers_OnlyThatRequestFails()
    {
        using var harness = new EngineHarness(Shape);
        var good = harness.Submit("good", 5);
        // A bias that is not a number is the simplest way to spoil one row.
        var bad = harness.Submit("bad", 5, r => r with { Sampling = new() { LogitBias = new Dictionary<int, float> { [7] = float.NaN } } });
        harness.RunToEnd();
        Assert.Equal(5, good.Events().Finish().CompletionTokens);
        Assert.Equal(GenerationError.RuntimeFailed, bad.Events().Failure().Error);
    }

    [Fact]
    public void Step_Counters_AddUp()
    {
        using var harness = new EngineHarness(Shape);
        harness.Submit(new string('a', 39), 5);
        harness.RunToEnd();
        harness.Submit(new string('a', 39), 5);
        harness.RunToEnd();
        var statistics = harness.Metrics.Snapshot(0, 0);
        Assert.Equal(41, statistics.PromptTokens);
        Assert.Equal(39, statistics.CachedTokens);
        Assert.Equal(10, statistics.CompletionTokens);
        Assert.Equal(harness.Runtime.Forwards, statistics.Steps);
    }

    private static List<GenerationEvent> Answer(string text, Func<GenerationRequest, GenerationRequest> change)
    {
        using var harness = new EngineHarness(Shape with { Next = Requests.Answer(3, text) });
        var sequence = harness.Submit("pp", 100, change);
        harness.RunToEnd();
        return sequence.Events();
    }
}
