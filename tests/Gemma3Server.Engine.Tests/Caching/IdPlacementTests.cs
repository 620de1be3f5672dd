using Gemma3Server.Engine.Caching;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Caching;

public sealed class IdPlacementTests
{
    [Theory]
    [InlineData("....", 0)] // the lowest
    [InlineData("R...", 1)] // beside a running one
    [InlineData("...R", 2)]
    [InlineData("R.R.", 1)] // the gap
    [InlineData("R..R.R", 4)]
    [InlineData("RRRR", -1)]
    [InlineData("i.Ri", 1)] // a free id rather than somebody's tokens
    [InlineData(".iiRi", 0)]
    [InlineData("iiRi", 1)] // idle ids are worth their number: of the lesser two, that beside the running one
    [InlineData("iiiiR", 0)] // the half that is worth more is left alone, running neighbour or not
    [InlineData("iRiRi", 2)]
    [InlineData("i", 0)]
    public void Choose_ByKind_TakesTheIdThatKeepsTheRunningTogether(string kinds, int expected)
    {
        var entries = kinds.Select((_, id) => new CacheEntry(id)).ToArray();
        for (var id = 0; id < kinds.Length; id++)
        {
            if (kinds[id] == 'R') entries[id].Owner = new(Requests.Greedy("p", 1), new FakeTokenizer(), 10);
            if (kinds[id] == 'i') (entries[id].Tip, entries[id].Worth) = (new(null, default), id + 1);
        }

        Assert.Equal(expected, IdPlacement.Choose(entries)?.Id ?? -1);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void TryAcquire_ManyComeAndGo_RunningIdsStayTogether(int seed)
    {
        var random = new Random(seed);
        // Every step takes as long: neither prompts nor ids wait for what a busy machine makes of their rows.
        using var harness = new EngineHarness(new FakeRuntimeOptions { MaxSequences = 16, MicroBatchTokens = 64 }, clock: new StepClock(TimeSpan.FromMilliseconds(1)));
        long runs = 0, active = 0;
        var steps = 0;
        for (var arrivals = 0; arrivals < 800;)
        {
            // One arrival in ten steps, forty steps each: four at a time, on the mean.
            if (random.Next(10) == 0)
            {
                harness.Submit($"{arrivals++} {random.Next()}", random.Next(1, 80));
            }

            if (harness.Scheduler.IsIdle) continue;
            harness.Step();
            var ids = harness.Scheduler.Running.Select(s => s.Id).Order().ToArray();
            if (arrivals < 50 || ids.Length == 0) continue; // until every id has been used
            steps++;
            active += ids.Length;
            runs += ids.Where((id, i) => i == 0 || id != ids[i - 1] + 1).Count();
        }

        var mean = runs / (double)steps;
        Assert.InRange(active / (double)steps, 3, 5.5);
        Assert.True(mean < 2.3, $"{mean:f2} runs of consecutive ids on the mean"); // 2.1; by last use alone it is 3.0
    }
}
