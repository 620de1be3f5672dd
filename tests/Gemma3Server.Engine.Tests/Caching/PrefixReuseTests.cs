using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Caching;

/// <summary>Prefixes shared between requests: copies, waiting, checkpoints, host memory, and what is said about them.</summary>
public sealed class PrefixReuseTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 4, MicroBatchTokens = 64, MaxBatchTokens = 128, ContextLength = 4096 };

    [Theory]
    [InlineData(0, 0)]
    [InlineData(16, 0)]
    [InlineData(16, 9000)]
    public void TryAcquire_PrefixOfARunningSequence_IsForked(int window, int sharedCells)
    {
        var shape = Shape with { SlidingWindow = window, SharedCells = sharedCells };
        using var harness = new EngineHarness(shape);
        var first = harness.Submit(Text('a', 200), 30);
        while (first.Generated < 3) harness.Step();
        var second = harness.Submit(Text('a', 200) + " and more", 30);
        harness.RunToEnd();
        AssertSameAsAlone(shape, first, second);
        Assert.Equal(new(201, CacheSource.Fork, 201, CacheMiss.None), second.Events().Start().Cache);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(16, 0)]
    [InlineData(64, 0)]
    [InlineData(16, 70_000)]
    public void Step_SixteenIdenticalColdPrompts_ComputesOne(int window, int sharedCells)
    {
        var shape = Shape with { MaxSequences = 16, SlidingWindow = window, SharedCells = sharedCells };
        using var harness = new EngineHarness(shape);
        var all = Enumerable.Range(0, 16).Select(_ => harness.Submit(Text('p', 2000), 4)).ToArray();
        harness.RunToEnd();
        Assert.InRange(harness.Runtime.Rows, 2001, 2001 + (16 * 8));
        AssertSameAsAlone(shape, all);
        Assert.All(all.Skip(1), s => Assert.Equal((2000, CacheSource.Fork), Source(s)));
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(16, false)]
    [InlineData(64, true)]
    public void Step_SharedSystemTextThenOwnQuestions_ComputesTheSharedPartOnce(int window, bool wideSteps)
    {
        var shape = Shape with { MaxSequences = 8, SlidingWindow = window, MaxBatchTokens = 512 };
        using var harness = new EngineHarness(shape, new() { StepTokens = wideSteps ? 500 : 0 });
        var all = Enumerable.Range(0, 8).Select(i => harness.Submit(Text('s', 1990) + $"{"xy"[i % 2]}{i} {Text((char)('a' + i), 100)}", 4)).ToArray();
        harness.RunToEnd();
        Assert.InRange(harness.Runtime.Rows, 2000, 2000 + (8 * (110 + 64)));
        AssertSameAsAlone(shape, all);
    }

    [Fact]
    public void Step_MoreSharersThanIds_EachIsServedAndReuses()
    {
        var shape = Shape with { SlidingWindow = 16 };
        using var harness = new EngineHarness(shape);
        var system = Text('s', 1000);
        var all = Enumerable.Range(0, 12)
            .Select(i => harness.Submit(system + Text((char)('a' + i), 150), 90, r => r with { CacheBoundaries = [1001] })).ToArray();
        harness.RunToEnd();
        AssertSameAsAlone(shape, all);
        Assert.All(all.Skip(1), s => Assert.InRange(s.CachedTokens, 1000, 1001));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Step_DonorLeaves_TheNextComputesAndTheOthersWaitForIt(bool cancel)
    {
        using var harness = new EngineHarness(Shape with { SlidingWindow = 16 });
        var all = Enumerable.Range(0, 4).Select(_ => harness.Submit(Text('p', 1000), 4)).ToArray();
        for (var i = 0; i < 5; i++) harness.Step();
        Assert.Equal([SequenceState.Running, SequenceState.Waiting, SequenceState.Waiting, SequenceState.Waiting], all.Select(s => s.State));
        Assert.Equal(3, harness.Scheduler.WaitingCount);
        if (cancel)
        {
            all[0].Cancel();
            harness.Scheduler.RemoveCancelled(_ => { });
        }
        else
        {
            harness.Scheduler.Fail(all[0], GenerationError.RuntimeFailed, "test");
        }

        harness.RunToEnd();
        Assert.All(all.Skip(1), s => Assert.Equal(4, s.Generated));
        Assert.InRange(harness.Runtime.Rows, 1001, 320 + 1001 + 30);
    }

    [Fact]
    public void Step_OthersBehindOneThatWaits_GoOn()
    {
        using var harness = new EngineHarness(Shape);
        harness.Submit(Text('p', 1000), 4);
        var waiter = harness.Submit(Text('p', 1000), 4);
        var other = harness.Submit(Text('q', 20), 4);
        harness.Step();
        harness.Step();
        Assert.Equal((SequenceState.Waiting, SequenceState.Running), (waiter.State, other.State));
        harness.RunToEnd();
        Assert.Equal(4, waiter.Generated);
    }

    /// <summary>llama-server computes all but one token of this again, each time.</summary>
    [Theory]
    [InlineData(1, 4, 700)]
    [InlineData(4, 4, 700)]
    [InlineData(4, 200, 700)]
    [InlineData(1, 4, 452)] // to stop at the system text's end would take a pass more
    [InlineData(4, 4, 452)]
    public void TryAcquire_SystemTextAndLongQuestionsOneAfterAnother_ReusesTheSystemText(int ids, int answer, int question)
    {
        var shape = Shape with { MaxSequences = ids, SlidingWindow = 64 };
        using var harness = new EngineHarness(shape);
        var system = Text('s', 3000);
        for (var i = 0; i < 6; i++)
        {
            var steps = harness.Runtime.Forwards;
            var sequence = harness.Submit(system + Text((char)('a' + i), question), answer, r => r with { CacheBoundaries = [3001] });
            harness.RunToEnd();
            AssertSameAsAlone(shape, sequence);
            Assert.Equal(i == 0 ? 0 : 3001, sequence.CachedTokens);
            // No pass for the checkpoint: the rows take as few passes of 64 as can be, and the last of them yields the first token.
            if (i == 0) Assert.Equal(((3001 + question + 63) / 64) + answer - 1, harness.Runtime.Forwards - steps);
        }
    }

    /// <summary>Checkpoints are wanted at random places of the prompt, at its end, and where earlier prompts parted from it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Step_PromptWithCheckpoints_TakesExactlyAsManyPassesAsItsChunks(int seed)
    {
        var random = new Random(seed);
        var taken = 0;
        for (var i = 0; i < 200; i++)
        {
            using var harness = new EngineHarness(
                new FakeRuntimeOptions { MaxSequences = 2, MicroBatchTokens = 64, MaxBatchTokens = 256, SlidingWindow = 32 },
                new() { StepTokens = random.Next(2) == 0 ? 0 : 192, ForkMinimumTokens = int.MaxValue });
            var chunk = harness.Scheduler.StepTokens == 192 ? 192 : 64;
            var prompt = string.Concat(Enumerable.Range(0, random.Next(1, 900)).Select(_ => (char)('a' + random.Next(26))));
            for (var run = 0; run < 2; run++)
            {
                // The second leaves the first at once, so that all of it is computed.
                var boundaries = Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(1, prompt.Length + 2)).Distinct().Order().ToArray();
                var sequence = harness.Submit($"{run}{prompt}", 200, r => r with { CacheBoundaries = boundaries });
                var before = harness.Runtime.Forwards;
                while (!sequence.Output.Started) harness.Step();
                var (passes, needed) = (harness.Runtime.Forwards - before, (sequence.PromptLength + chunk - 1) / chunk);
                Assert.True(
                    passes == needed,
                    $"{sequence.PromptLength} tokens in chunks of {chunk}, cut at {string.Join(' ', boundaries)}: {string.Join(' ', harness.Runtime.RowsPerForward.Skip(before))}");
                harness.RunToEnd();
            }

            if (harness.Cache.CheckpointBytes > 0) taken++;
        }

        Assert.True(taken > 150, $"checkpoints in {taken} of 200 cases");
    }

    [Fact]
    public void TryAcquire_NoBoundariesGiven_LearnsWhereRequestsPart()
    {
        var shape = Shape with { SlidingWindow = 64 };
        using var harness = new EngineHarness(shape);
        var system = Text('s', 3000);
        int Cached(int i)
        {
            var sequence = harness.Submit(system + Text((char)('a' + i), 700), 4);
            harness.RunToEnd();
            AssertSameAsAlone(shape, sequence);
            return sequence.CachedTokens;
        }

        Assert.Equal(0, Cached(0));
        Cached(1); // nothing can be had, but here the tree sees the fork
        Assert.Equal(3001, Cached(2));
        Assert.Equal(3001, Cached(3));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16)]
    public void TryAcquire_EvictedToHostMemory_ComesBack(int window)
    {
        var shape = Shape with { MaxSequences = 1, SlidingWindow = window };
        using var harness = new EngineHarness(shape);
        var talk = Run(harness, Text('a', 500), 20);
        Run(harness, Text('b', 500), 20);
        Assert.True(harness.Cache.HostBytes > 0);
        var next = harness.Submit(Requests.Greedy("", 20) with { PromptTokens = [.. talk.Tokens, 300, 301] });
        harness.RunToEnd();
        AssertSameAsAlone(shape, next);
        Assert.Equal(new(520, CacheSource.Host, 520, CacheMiss.None), next.Events().Start().Cache);
    }

    [Fact]
    public void TryAcquire_HostBudget_KeepsWhatIsWorthMost()
    {
        // A snapshot of the fake takes four bytes a token and four more.
        using var harness = new EngineHarness(Shape with { MaxSequences = 1 }, new() { HostCacheBytes = 4400 });
        foreach (var c in "abcde") Run(harness, Text(c, 500), 5);
        Assert.InRange(harness.Cache.HostBytes, 2000, 4400);
        Assert.Equal((500, CacheSource.Host), Source(Run(harness, Text('d', 500), 5)));
        Assert.Equal(CacheMiss.Evicted, Run(harness, Text('a', 500), 5).Events().Start().Cache!.Reason);
    }

    [Fact]
    public void TryAcquire_HostOff_ForgetsButSaysSo()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 1 }, new() { HostCacheBytes = 0 });
        Run(harness, Text('a', 500), 5);
        Run(harness, Text('b', 500), 5);
        Assert.Equal(0, harness.Cache.HostBytes);
        Assert.Equal(new(0, CacheSource.None, 501, CacheMiss.Evicted), Run(harness, Text('a', 500), 5).Events().Start().Cache);
    }

    [Fact]
    public void TryAcquire_LongAndShortIdleOfOneAge_TheShortOneGivesWay()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 2 }, new() { HostCacheBytes = 0 });
        Run(harness, Text('a', 2000), 5);
        Run(harness, Text('b', 100), 5);
        Run(harness, Text('c', 100), 5); // b is younger, but takes a twentieth to compute
        Assert.Equal(2000, Run(harness, Text('a', 2000), 5).CachedTokens);
    }

    [Fact]
    public void TryAcquire_Explanations_SayWhy()
    {
        var shape = Shape with { SlidingWindow = 16 };
        using var harness = new EngineHarness(shape, new() { CheckpointBytes = 0 });
        CacheExplanation Of(Sequence sequence) => sequence.Events().Start().Cache!;
        Assert.Equal(new(0, CacheSource.None, 0, CacheMiss.NeverSeen), Of(Run(harness, Text('a', 1000), 4)));
        Assert.Equal(new(0, CacheSource.None, 501, CacheMiss.WindowLost), Of(Run(harness, Text('a', 500) + "!", 4)));
        var disabled = harness.Submit(Text('a', 1000), 4, r => r with { ReusePrefix = false });
        harness.RunToEnd();
        Assert.Equal(new(0, CacheSource.None, 0, CacheMiss.Disabled), Of(disabled));
        Assert.Equal(new(1000, CacheSource.Idle, 1001, CacheMiss.None), Of(Run(harness, Text('a', 1000), 4)));

        using var other = new EngineHarness(Shape);
        var busy = other.Submit(Text('z', 40), 50);
        while (busy.Generated < 3) other.Step();
        var brief = other.Submit(Text('z', 40) + "?", 2);
        other.RunToEnd();
        Assert.Equal(new(0, CacheSource.None, 41, CacheMiss.TooShort), Of(brief));

        // All of it is known, and the last token is always computed: what is left is less than is worth reusing.
        Run(other, Text('q', 15), 2);
        Assert.Equal(new(0, CacheSource.None, 16, CacheMiss.TooShort), Of(Run(other, Text('q', 15), 2)));
    }

    [Fact]
    public void TryAcquire_LongConversationAndSharedBeginning_IsForkedNotCut()
    {
        using var harness = new EngineHarness(Shape);
        var talk = Text('s', 200) + Text('t', 1000);
        Run(harness, talk, 4);
        Assert.Equal((201, CacheSource.Fork), Source(Run(harness, Text('s', 200) + "else", 4)));
        Assert.Equal((1200, CacheSource.Idle), Source(Run(harness, talk, 4)));
    }

    private static Sequence Run(EngineHarness harness, string prompt, int tokens)
    {
        var sequence = harness.Submit(prompt, tokens);
        harness.RunToEnd();
        return sequence;
    }

    private static (int, CacheSource) Source(Sequence sequence) => (sequence.CachedTokens, sequence.CacheExplanation.Source);

    private static void AssertSameAsAlone(FakeRuntimeOptions shape, params Sequence[] sequences)
    {
        foreach (var sequence in sequences)
        {
            var expected = EngineHarness.RunAlone(sequence.Request, shape).Tokens;
            Assert.Equal(expected, sequence.Tokens[sequence.PromptLength..].ToArray());
        }
    }

    /// <summary>Text that does not repeat, so that nothing is shared by chance; every token of it is a byte.</summary>
    private static string Text(char seed, int length)
    {
        var random = new Random(seed);
        return string.Create(length, random, static (span, r) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = (char)(32 + r.Next(95));
        });
    }
}
