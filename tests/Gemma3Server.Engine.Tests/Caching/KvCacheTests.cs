using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Caching;

public sealed class KvCacheTests
{
    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 3, MicroBatchTokens = 16, MaxBatchTokens = 64 };
    private static readonly string Prompt = new('p', 60);

    [Fact]
    public void TryAcquire_SamePromptAgain_ComputesOneTokenOnly()
    {
        using var harness = new EngineHarness(Shape);
        Run(harness, Prompt, 10);
        var rows = harness.Runtime.Rows;
        var again = Run(harness, Prompt, 1);
        Assert.Equal((61, 60), Counts(again));
        Assert.Equal(rows + 1, harness.Runtime.Rows);
    }

    [Fact]
    public void TryAcquire_NextTurn_ComputesTheNewPartOnly()
    {
        using var harness = new EngineHarness(Shape);
        var first = Run(harness, Prompt, 10);
        var next = harness.Submit(Requests.Greedy("", 5) with { PromptTokens = [.. first.Tokens, 300, 301] });
        harness.RunToEnd();
        // The last token of the first answer was sampled but never computed.
        Assert.Equal((73, 70), Counts(next));
    }

    [Theory]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void TryAcquire_ReuseOff_ComputesEverything(bool engine, bool request)
    {
        using var harness = new EngineHarness(Shape, new() { PrefixReuse = engine });
        Run(harness, Prompt, 3);
        var again = harness.Submit(Prompt, 3, r => r with { ReusePrefix = request });
        harness.RunToEnd();
        Assert.Equal(0, again.Events().Start().CachedTokens);
    }

    [Fact]
    public void TryAcquire_FewSharedTokens_LeavesTheIdleEntryAlone()
    {
        using var harness = new EngineHarness(Shape);
        Run(harness, "0123456789" + Prompt, 3);
        Run(harness, "0123456789 another", 3);
        var third = Run(harness, "0123456789" + Prompt, 3);
        Assert.Equal(70, third.Events().Start().CachedTokens);
    }

    [Fact]
    public void TryAcquire_ShortReuseOfALongConversation_TakesAFreeIdInstead()
    {
        using var harness = new EngineHarness(Shape);
        Run(harness, new string('s', 20) + new string('x', 200), 3);
        var other = Run(harness, new string('s', 20) + "question", 3);
        Assert.Equal(0, other.Events().Start().CachedTokens);
        var back = Run(harness, new string('s', 20) + new string('x', 200), 3);
        Assert.Equal(220, back.Events().Start().CachedTokens);
    }

    [Fact]
    public void TryAcquire_NoFreeId_EvictsTheLeastRecentlyUsed()
    {
        using var harness = new EngineHarness(Shape);
        foreach (var c in "abc") Run(harness, new string(c, 40), 3);
        Run(harness, new string('a', 40), 3); // a is recent now, b the oldest
        Run(harness, new string('d', 40), 3);
        Assert.Equal(40, Run(harness, new string('a', 40), 3).Events().Start().CachedTokens);
        Assert.Equal(40, Run(harness, new string('c', 40), 3).Events().Start().CachedTokens);
        Assert.Equal(0, Run(harness, new string('b', 40), 3).Events().Start().CachedTokens);
    }

    [Fact]
    public void TryAcquire_NothingToReuse_TakesTheLowestFreeId()
    {
        using var harness = new EngineHarness(Shape, new() { PrefixReuse = false });
        Sequence[] sequences = [harness.Submit("a", 2), harness.Submit("b", 50), harness.Submit("c", 50)];
        harness.Step();
        Assert.Equal([0, 1, 2], sequences.Select(s => s.Id));
        harness.Step();
        var late = harness.Submit("d", 5);
        harness.Step();
        Assert.Equal(0, late.Id);
    }

    [Fact]
    public void TryAcquire_WindowLost_ComputesAnewAndStaysCorrect()
    {
        var shape = Shape with { SlidingWindow = 8 };
        using var harness = new EngineHarness(shape, new() { CheckpointBytes = 0 });
        Run(harness, Prompt, 60);
        var again = Run(harness, Prompt, 20);
        Assert.Equal(0, again.Events().Start().CachedTokens);
        Assert.Equal(EngineHarness.RunAlone(again.Request, shape).Tokens, again.Tokens[61..].ToArray());
    }

    [Theory]
    [InlineData(16)]
    [InlineData(60)]
    [InlineData(200)]
    public void Checkpoint_LongAnswer_RegeneratingReusesThePromptAgainAndAgain(int answer)
    {
        var shape = Shape with { SlidingWindow = 8 };
        using var harness = new EngineHarness(shape);
        Run(harness, Prompt, answer);
        Assert.True(harness.Cache.CheckpointBytes > 0);
        for (var i = 0; i < 3; i++)
        {
            var again = Run(harness, Prompt, answer);
            Assert.Equal(60, again.Events().Start().CachedTokens);
            Assert.Equal(EngineHarness.RunAlone(again.Request, shape).Tokens, again.Tokens[61..].ToArray());
        }
    }

    [Fact]
    public void Checkpoint_NextTurnFromThePromptsEnd_ReusesThePrompt()
    {
        var shape = Shape with { SlidingWindow = 8 };
        using var harness = new EngineHarness(shape);
        Run(harness, Prompt, 60);
        var other = Run(harness, Prompt + " with more to it", 60);
        Assert.Equal(61, other.Events().Start().CachedTokens);
        Assert.Equal(EngineHarness.RunAlone(other.Request, shape).Tokens, other.Tokens[other.PromptLength..].ToArray());
    }

    [Fact]
    public void Checkpoint_RestoredThenAskedForAnEarlierLength_IsNotDestroyedByTrying()
    {
        var shape = Shape with { SlidingWindow = 8 };
        using var harness = new EngineHarness(shape);
        Run(harness, Prompt, 60);
        Run(harness, Prompt, 5); // restored: short as it is, nothing before the prompt's end can be had from it any more
        Assert.Equal(0, Run(harness, Prompt[..55], 5).Events().Start().CachedTokens);
        Assert.Equal(60, Run(harness, Prompt, 5).Events().Start().CachedTokens);
    }

    [Fact]
    public void Checkpoint_BeforeTheFirstTokenIsOut_NotTaken()
    {
        using var harness = new EngineHarness(Shape with { SlidingWindow = 8 });
        var sequence = harness.Submit(Prompt, 60);
        while (sequence.Generated == 0)
        {
            Assert.Equal(0, harness.Cache.CheckpointBytes);
            harness.Step();
        }

        Assert.Equal(sequence.PromptLength, harness.Runtime.Length(sequence.Id));
        Assert.True(harness.Cache.CheckpointBytes > 0);
        Assert.IsType<GenerationEvent.Text>(sequence.Events()[^1]);
    }

    [Fact]
    public void Checkpoint_NoRoomLeft_TheLeastRecentlyUsedConversationGivesItsOwnUp()
    {
        // A checkpoint of the fake takes four bytes a token and four more.
        using var harness = new EngineHarness(Shape with { SlidingWindow = 8 }, new() { CheckpointBytes = 2 * 4 * 62 });
        foreach (var c in "abc") Run(harness, new string(c, 60), 60);
        Assert.Equal(60, Run(harness, new string('c', 60), 20).Events().Start().CachedTokens);
        Assert.Equal(60, Run(harness, new string('b', 60), 20).Events().Start().CachedTokens);
        Assert.Equal(0, Run(harness, new string('a', 60), 20).Events().Start().CachedTokens);
    }

    [Fact]
    public void Checkpoint_ShortAnswer_NoneTakenAndNoneNeeded()
    {
        using var harness = new EngineHarness(Shape with { SlidingWindow = 8 });
        Run(harness, Prompt, 7);
        Assert.Equal(0, harness.Cache.CheckpointBytes);
        Assert.Equal(60, Run(harness, Prompt, 3).Events().Start().CachedTokens);
    }

    [Fact]
    public void Checkpoint_Budget_IsNotExceeded()
    {
        using var harness = new EngineHarness(Shape with { SlidingWindow = 8 }, new() { CheckpointBytes = 400 });
        for (var i = 0; i < 3; i++) harness.Submit(Prompt + i, 40);
        harness.RunToEnd();
        Assert.InRange(harness.Cache.CheckpointBytes, 1, 400);
    }

    [Theory]
    [InlineData(0, 40)]
    [InlineData(8, 40)] // where the three parted, the long one left a checkpoint
    public void TryAcquire_AllIdsUsedAndASharedSystemText_TheLongConversationLives(int window, int reused)
    {
        var shape = Shape with { MaxSequences = 4, SlidingWindow = window };
        using var harness = new EngineHarness(shape);
        var system = new string('s', 39);

        // Three end at once, whose windows have left the system text behind.
        foreach (var c in "abc") harness.Submit(system + c + "?", 80);
        harness.RunToEnd();
        var talk = system + new string('x', 1500);
        Run(harness, talk, 3);
        var newcomer = Run(harness, system + "xx, hello", 3);
        Assert.Equal(reused, newcomer.Events().Start().CachedTokens);
        Assert.Equal(1539, Run(harness, talk, 3).Events().Start().CachedTokens);
    }

    [Fact]
    public void TryAcquire_SeveralShareAsMuch_TakesTheLeastRecentlyUsed()
    {
        using var harness = new EngineHarness(Shape);
        var system = new string('s', 40);
        Sequence[] first = [harness.Submit(system + "a", 30), harness.Submit(system + "b", 3), harness.Submit(system + "c", 60)];
        harness.Step();
        var ids = first.Select(s => s.Id).ToArray();
        harness.RunToEnd(); // b ended first, then a, then c
        var next = harness.Submit(system + "d", 3);
        harness.Step();
        Assert.Equal(ids[1], next.Id);
        Assert.Equal(41, next.CachedTokens);
    }

    [Fact]
    public void TryAcquire_OnlyOneIdCanBeHad_ReusesItWhateverItLoses()
    {
        using var harness = new EngineHarness(Shape with { MaxSequences = 1 });
        Run(harness, new string('s', 20) + new string('x', 200), 3);
        Assert.Equal(21, Run(harness, new string('s', 20) + "question", 3).Events().Start().CachedTokens);
    }

    [Fact]
    public void Keep_CancelledPrefill_ItsPartIsReused()
    {
        using var harness = new EngineHarness(Shape);
        var cancelled = harness.Submit(Prompt, 5);
        harness.Step();
        cancelled.Cancel();
        harness.Scheduler.RemoveCancelled(_ => { });
        Assert.Equal(16, harness.Runtime.Rows);
        Assert.Equal(16, Run(harness, Prompt, 5).Events().Start().CachedTokens);
    }

    private static (int Prompt, int Cached) Counts(Sequence sequence)
    {
        var started = sequence.Events().Start();
        Assert.Equal(started.CachedTokens, started.Cache!.ReusedTokens);
        return (started.PromptTokens, started.CachedTokens);
    }

    private static Sequence Run(EngineHarness harness, string prompt, int tokens)
    {
        var sequence = harness.Submit(prompt, tokens);
        harness.RunToEnd();
        return sequence;
    }
}
