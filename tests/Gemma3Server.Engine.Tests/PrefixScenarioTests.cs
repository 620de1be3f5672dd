using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>Random loads that share prefixes: whatever is forked, waited for, checkpointed, evicted or brought back, the tokens are the same.</summary>
public sealed class PrefixScenarioTests
{
    [Theory]
    [InlineData(0, 500)]
    [InlineData(1, 500)]
    [InlineData(2, 500)]
    [InlineData(3, 500)]
    public void Generate_SharedPrefixes_SameAsAloneAndNothingLeaks(int part, int scenarios)
    {
        var sources = new int[4];
        var waited = 0;
        for (var i = 0; i < scenarios; i++) waited += RunScenario(new Random(77_000 + (part * 10_000) + i), sources);

        // A test of reuse that reused nothing would prove nothing.
        Assert.True(Array.TrueForAll(sources, n => n > 20) && waited > 20, $"{string.Join(' ', sources)}; {waited} waited");
    }

    private static int RunScenario(Random random, int[] sources)
    {
        var micro = Pick(random, 8, 16, 32);
        var failing = random.Next(4) == 0;
        var lastFailure = -10;
        var shape = new FakeRuntimeOptions
        {
            MaxSequences = random.Next(1, 6),
            ContextLength = 256,
            MicroBatchTokens = micro,
            MaxBatchTokens = micro * random.Next(1, 4),
            SlidingWindow = Pick(random, 0, 16, 64),
            SharedCells = random.Next(2) == 0 ? 0 : random.Next(260, 700),
            OnForward = n =>
            {
                if (!failing || n < lastFailure + 2 || random.Next(12) != 0) return Runtime.ForwardStatus.Ok;
                lastFailure = n;
                return Runtime.ForwardStatus.Failed;
            },
        };
        var options = new EngineOptions
        {
            StepTokens = Pick(random, 0, 0, micro, micro * 2),
            CheckpointBytes = Pick(random, 0, 1500, 1 << 20),
            HostCacheBytes = Pick(random, 0, 1500, 1 << 20),
            ForkMinimumTokens = Pick(random, 1, 16, 40),
            HostMinimumTokens = Pick(random, 1, 20, 60),
        };

        using var harness = new EngineHarness(shape, options);
        var stems = Enumerable.Range(0, random.Next(1, 3)).Select(_ => Tokens(random, random.Next(30, 100))).ToArray();
        var live = new List<(Sequence Sequence, int[] Expected)>();
        var cancelled = 0;
        for (var left = random.Next(3, 10); left > 0 || !harness.Scheduler.IsIdle;)
        {
            while (left > 0 && (harness.Scheduler.IsIdle || random.Next(4) == 0))
            {
                left--;
                var request = NextRequest(random, stems, live);
                live.Add((harness.Submit(request), EngineHarness.RunAlone(request, shape with { MicroBatchTokens = 256, MaxBatchTokens = 256 }).Tokens));
            }

            if (random.Next(25) == 0)
            {
                live[random.Next(live.Count)].Sequence.Cancel();
                harness.Scheduler.RemoveCancelled(_ => cancelled++);
            }

            if (!harness.Scheduler.IsIdle) harness.Step();
        }

        foreach (var (sequence, expected) in live)
        {
            if (sequence.IsCancelled) continue;
            Assert.Equal(expected, sequence.Tokens[sequence.PromptLength..].ToArray());
            var started = sequence.Events().Start();
            Assert.Equal(started.CachedTokens, started.Cache!.ReusedTokens);
            Assert.Equal(started.CachedTokens == 0, started.Cache.Source == CacheSource.None);
            Assert.InRange(started.Cache.DivergedAt, started.CachedTokens, sequence.PromptLength);
            sources[(int)started.Cache.Source]++;
        }

        while (harness.Cache.TryEvict()) harness.Scheduler.CheckIntegrity();
        Assert.All(Enumerable.Range(0, shape.MaxSequences), id => Assert.Equal(0, harness.Runtime.Length(id)));
        harness.Cache.DropHosts();
        Assert.Equal((0, 0), (harness.Cache.HostBytes, harness.Cache.CheckpointBytes));
        harness.Scheduler.CheckIntegrity();
        return live.Count(l => l.Sequence.Waits > 0);
    }

    private static GenerationRequest NextRequest(Random random, int[][] stems, List<(Sequence Sequence, int[] Expected)> live)
    {
        var stem = stems[random.Next(stems.Length)];
        int[] prompt = [FakeTokenizer.Bos, .. stem];
        var boundaries = random.Next(2) == 0 ? new[] { prompt.Length } : [];
        if (live.Count > 0 && random.Next(3) == 0)
        {
            var (earlier, answer) = live[random.Next(live.Count)];
            prompt = [.. earlier.Request.PromptTokens, .. answer];
            if (prompt.Length > 180) prompt = prompt[..180];
        }
        else if (random.Next(4) == 0)
        {
            prompt = prompt[..random.Next(1, prompt.Length)];
            boundaries = [];
        }

        return new()
        {
            Id = "r",
            PromptTokens = [.. prompt, .. Tokens(random, random.Next(3) == 0 ? 0 : random.Next(1, 40))],
            MaxTokens = random.Next(1, 30),
            IgnoreEndOfGeneration = true,
            ReusePrefix = random.Next(12) != 0,
            CacheBoundaries = boundaries,
            Sampling = new() { Temperature = random.Next(2), Seed = (ulong)random.NextInt64() },
        };
    }

    private static int[] Tokens(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => FakeTokenizer.FirstByte + 32 + random.Next(95))];

    private static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];
}
