using Gemma3Server.Engine.Caching;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Caching;

public sealed class IdCompactionTests
{
    [Theory]
    [InlineData("RR..", 1, "")] // they stand together
    [InlineData("R.R.", 2, "0>1")] // of two equal ways the first
    [InlineData("RR.RR.R.", 3, "6>2")] // the gap joins two runs, and a run is gone
    [InlineData("R.RiR", 3, "0>3")] // two passes are more than somebody's tokens
    [InlineData("Ri.R", 2, "0>2")] // a free id rather than somebody's tokens
    [InlineData("RiR", 2, "0>1")]
    [InlineData("....", 0, "")]
    public void Find_Holes_MovesASequenceWhereItSavesMost(string kinds, int runs, string move)
    {
        var entries = kinds.Select((_, id) => new CacheEntry(id)).ToArray();
        for (var id = 0; id < kinds.Length; id++)
        {
            if (kinds[id] == 'R') entries[id].Owner = new(Requests.Greedy("p", 1), new FakeTokenizer(), 10) { Computed = 1 };
            if (kinds[id] == 'i') (entries[id].Tip, entries[id].Worth) = (new(null, default), id + 1);
        }

        var compaction = new IdCompaction(entries);
        var found = compaction.Find();

        Assert.Equal(runs, compaction.Runs);
        Assert.Equal(move, found.From is null ? "" : $"{found.From.Id}>{found.To!.Id}");
    }

    [Fact]
    public void Pays_ByWhatAPassCost_WeighsItAgainstTheCopy()
    {
        var entries = Enumerable.Range(0, 4).Select(id => new CacheEntry(id)).ToArray();
        entries[0].Owner = entries[1].Owner = new(Requests.Greedy("p", 1), new FakeTokenizer(), 10) { Computed = 1 };
        var compaction = new IdCompaction(entries);
        Assert.True(compaction.Pays(1, 100, 9, isFree: true)); // to learn
        Assert.False(compaction.Pays(1, 100, 0, isFree: false));

        Assert.False(compaction.Begin());
        for (var i = 0; i < 5; i++) compaction.Observe(2, 0.010);
        (entries[1].Owner, entries[3].Owner) = (null, entries[1].Owner);
        Assert.True(compaction.Begin());
        compaction.Observe(1, 0.500); // not everybody's step
        compaction.Observe(2, 0.015); // two runs: a pass more takes 5 ms

        Assert.True(compaction.Pays(1, 10, 0.049, isFree: false));
        Assert.False(compaction.Pays(1, 10, 0.051, isFree: true));
        Assert.True(compaction.Pays(2, 10, 0.099, isFree: false));
        Assert.False(compaction.Pays(1, 100_000, 0.4, isFree: false)); // nobody goes on for ever
    }

    [Fact]
    public void Compact_SequencesLeave_TheRestMovesTogetherAndSaysTheSame()
    {
        var shape = new FakeRuntimeOptions { MaxSequences = 8, SlidingWindow = 8, MicroBatchTokens = 64 };
        using var harness = new EngineHarness(shape, new() { PrefixReuse = false }, new StepClock(TimeSpan.Zero)); // in which no step takes time: nothing is known of a pass
        var sequences = Enumerable.Range(0, 7).Select(i => harness.Submit($"prompt {i}", i % 2 == 0 ? 60 : 5)).ToArray();
        for (var i = 0; i < 30; i++) harness.Step();
        var ids = harness.Scheduler.Running.Select(s => s.Id).Order().ToArray();
        harness.RunToEnd();

        Assert.Equal(4, ids.Length);
        Assert.Equal(ids[0] + 3, ids[3]);
        foreach (var sequence in sequences)
            Assert.Equal(EngineHarness.RunAlone(sequence.Request, shape).Tokens, sequence.Tokens[sequence.PromptLength..].ToArray());
    }
}
