using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>
/// Random loads with too few cells: whoever gives way goes on with the identical continuation, greedy or seeded, be it brought back from host
/// memory or computed again; and whoever ends meanwhile leaves nothing behind.
/// </summary>
public sealed class SwapScenarioTests
{
    [Theory]
    [InlineData(0, 1000)]
    [InlineData(1, 1000)]
    [InlineData(2, 1000)]
    [InlineData(3, 1000)]
    public void Generate_TooFewCells_SameAsAloneAndNothingLeaks(int part, int scenarios)
    {
        var seen = new Seen();
        for (var i = 0; i < scenarios; i++) RunScenario(new Random(31_000 + (part * 10_000) + i), seen);

        // A test of swapping that swapped nothing would prove nothing.
        TestContext.Current.TestOutputHelper?.WriteLine($"{seen}");
        Assert.True(seen is { BroughtBack: > 150, Recomputed: > 150, Greedy: > 50, Sampled: > 50, InPrompt: > 5, CancelledSwapped: > 25, LateSwapped: > 5 }, $"{seen}");
    }

    private static void RunScenario(Random random, Seen seen)
    {
        var micro = Pick(random, 4, 8, 16);
        var failing = random.Next(5) == 0;
        var lastFailure = -10;
        var shape = new FakeRuntimeOptions
        {
            MaxSequences = random.Next(2, 6),
            ContextLength = 96,
            MicroBatchTokens = micro,
            MaxBatchTokens = micro * random.Next(1, 4),
            SlidingWindow = Pick(random, 0, 0, 12, 30),
            SharedCells = random.Next(96, 180),
            OnForward = n =>
            {
                // What failed is tried once more: a pass for it, and one for each of those who first make room.
                if (!failing || n < lastFailure + 8 || random.Next(12) != 0) return Runtime.ForwardStatus.Ok;
                lastFailure = n;
                return Runtime.ForwardStatus.Failed;
            },
        };
        var options = new EngineOptions
        {
            ReserveTokens = Pick(random, 0, 0, 8),
            PrefixReuse = random.Next(3) != 0,
            HostCacheBytes = Pick(random, 0, 400, 1 << 20),
            ForkMinimumTokens = Pick(random, 1, 16),
            HostMinimumTokens = Pick(random, 1, 16),
        };

        using var harness = new EngineHarness(shape, options, new JitterClock(random, TimeSpan.FromMilliseconds(1)));
        var live = new List<(Sequence Sequence, int[] Tokens, List<GenerationEvent> Events)>();
        var before = new Dictionary<Sequence, int>();
        for (var left = random.Next(4, 9); left > 0 || !harness.Scheduler.IsIdle;)
        {
            while (left > 0 && (harness.Scheduler.IsIdle || random.Next(3) == 0))
            {
                left--;
                var request = NextRequest(random, live.Count > 0 ? live[random.Next(live.Count)].Sequence : null);
                var (tokens, events) = EngineHarness.RunAlone(request with { Timeout = null }, shape with { MicroBatchTokens = 96, MaxBatchTokens = 96 });
                live.Add((harness.Submit(request), tokens, events));
            }

            if (random.Next(40) == 0 && live.Find(l => l.Sequence.Swapped is not null).Sequence is { } swapped)
            {
                swapped.Cancel();
                harness.Scheduler.RemoveCancelled(_ => seen.CancelledSwapped++);
                Assert.Null(swapped.Swapped);
                harness.Scheduler.CheckIntegrity();
            }

            before.Clear();
            foreach (var (sequence, _, _) in live.Where(l => l.Sequence.State == SequenceState.Preempted)) before.Add(sequence, sequence.Swapped?.Length ?? 0);
            if (!harness.Scheduler.IsIdle) harness.Step();
            foreach (var (sequence, length) in before) seen.Note(sequence, length);
        }

        foreach (var (sequence, expected, events) in live)
        {
            if (sequence.IsCancelled) continue;
            var actual = sequence.Events();
            if (sequence.Deadline != long.MaxValue && IsLate(actual))
            {
                // Not the text: what was held back as the beginning of a stop string is released at the end.
                Assert.Equal(expected[..sequence.Generated], sequence.Tokens[sequence.PromptLength..].ToArray());
                continue;
            }

            Assert.Equal(expected, sequence.Tokens[sequence.PromptLength..].ToArray());
            Assert.Equal(events.Text(), actual.Text());
            Assert.Equal(events.Finish(), actual.Finish());
            Assert.Equal(actual.Start().CachedTokens, actual.Start().Cache!.ReusedTokens);
        }

        Assert.Equal(0, harness.Cache.SwappedBytes);
        while (harness.Cache.TryEvict()) harness.Scheduler.CheckIntegrity();
        Assert.Equal(0, harness.Runtime.UsedCells);
        harness.Cache.DropHosts();
        Assert.Equal((0, 0), (harness.Cache.HostBytes, harness.Cache.CheckpointBytes));
    }

    private static bool IsLate(List<GenerationEvent> events) => events[^1] switch
    {
        GenerationEvent.Failed failed => failed.Error == GenerationError.DeadlineExceeded,
        GenerationEvent.Finished finished => finished.Reason == FinishReason.Deadline,
        _ => false,
    };

    /// <summary>A new prompt, or one that begins as another.</summary>
    private static GenerationRequest NextRequest(Random random, Sequence? earlier)
    {
        int[] prompt = [FakeTokenizer.Bos];
        if (earlier is not null && random.Next(3) == 0) prompt = earlier.Request.PromptTokens[..random.Next(1, Math.Min(30, earlier.PromptLength) + 1)];
        return new()
        {
            Id = "r",
            PromptTokens = [.. prompt, .. Enumerable.Range(0, random.Next(0, 25)).Select(_ => FakeTokenizer.FirstByte + 32 + random.Next(95))],
            MaxTokens = random.Next(1, 60),
            IgnoreEndOfGeneration = random.Next(3) != 0,
            Stop = random.Next(4) == 0 ? ["ab", "Q"] : [],
            ReusePrefix = random.Next(6) != 0,
            Deterministic = random.Next(10) == 0,
            Priority = (RequestPriority)random.Next(3),
            ClientKey = $"client {random.Next(3)}",
            Timeout = random.Next(4) == 0 ? TimeSpan.FromMilliseconds(random.Next(20, 250)) : null,
            Sampling = new() { Temperature = random.Next(2), Seed = (ulong)random.NextInt64(), FrequencyPenalty = Pick(random, 0f, 0.5f) },
        };
    }

    private static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];

    private sealed record Seen
    {
        public int BroughtBack { get; private set; }

        public int Recomputed { get; private set; }

        public int Greedy { get; private set; }

        public int Sampled { get; private set; }

        public int InPrompt { get; private set; }

        public int LateSwapped { get; private set; }

        public int CancelledSwapped { get; set; }

        /// <summary>Notes what became, in one step, of a sequence that had given up its cells with <paramref name="length"/> positions kept.</summary>
        public void Note(Sequence sequence, int length)
        {
            if (sequence.State == SequenceState.Running && length == 0) Recomputed++;
            if (sequence.State == SequenceState.Finished && length > 0 && sequence.Id == Sequence.None && sequence.Remaining > 0) LateSwapped++;
            if (sequence.State != SequenceState.Running || length == 0) return;
            Assert.True(sequence.Computed >= length, "what was kept was not brought back");
            BroughtBack++;
            if (length < sequence.PromptLength) InPrompt++;
            else if (sequence.Request.Sampling.Temperature == 0) Greedy++;
            else Sampled++;
        }
    }
}
