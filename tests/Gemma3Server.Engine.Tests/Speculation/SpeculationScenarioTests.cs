using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Speculation;

/// <summary>Token for token the same with drafts as without, greedy and under a seed, whatever else happens.</summary>
public sealed class SpeculationScenarioTests
{
    [Theory]
    [InlineData(0, 500)]
    [InlineData(1, 500)]
    [InlineData(2, 500)]
    [InlineData(3, 500)]
    public void Generate_AnyDraftsLoadPreemptionAndFailure_SameAsAloneWithoutDrafts(int part, int scenarios)
    {
        var sum = new Tally();
        for (var i = 0; i < scenarios; i++) RunScenario(new Random((part * 10_000) + i), sum);

        // A test of drafts in which nothing was accepted, rejected, reused, preempted or cancelled would prove nothing.
        Assert.True(
            sum is { Drafted: > 20_000, Accepted: > 10_000, Predicted: > 5000, Reused: > 5000, Preempted: > 30, Cancelled: > 100 }
                && sum.Drafted - sum.Accepted > 10_000,
            sum.ToString());
    }

    private static void RunScenario(Random random, Tally sum)
    {
        var micro = Pick(random, 8, 16, 64);
        var failing = random.Next(3) == 0;
        var lastFailure = -12;
        // Three in four tokens repeat what stood a period before, the others are random: drafts hold for a while and then do not.
        var (period, stretch) = (random.Next(2, 12), random.Next(2, 30));
        var runtime = new FakeRuntimeOptions
        {
            MaxSequences = random.Next(1, 6),
            ContextLength = 256,
            MicroBatchTokens = micro,
            MaxBatchTokens = micro * random.Next(1, 3),
            SlidingWindow = Pick(random, 0, 0, 8, 24),
            SharedCells = random.Next(2) == 0 ? 0 : random.Next(260, 400),
            Next = tokens => tokens.Count > period && tokens.Count / stretch % 4 != 0 ? tokens[^period] : null,
            LosesOnRewind = random.Next(3) == 0 ? () => random.Next(40) == 0 : null,
            // Never two failures without a success between: the second would be the fault of the requests. Calls without space come between.
            OnForward = n =>
            {
                if (!failing || n < lastFailure + 12 || random.Next(6) != 0) return ForwardStatus.Ok;
                lastFailure = n;
                return ForwardStatus.Failed;
            },
        };
        var options = new EngineOptions
        {
            Speculation = Pick(random, SpeculationMode.Auto, SpeculationMode.Auto, SpeculationMode.Lookup, SpeculationMode.Draft),
            DraftTokens = Pick(random, 1, 3, 16, 40),
            DraftMinimumMatch = random.Next(1, 4),
            PrefixReuse = random.Next(5) != 0,
            AdaptiveBudget = random.Next(4) != 0,
            ForkMinimumTokens = Pick(random, 1, 32),
            ReserveTokens = Pick(random, 0, 0, 256),
        };

        // Every step takes as long as any other, so that rows seem free; or any time, so that now and then they do.
        TimeProvider clock = random.Next(3) == 0 ? new JitterClock(random, TimeSpan.FromMilliseconds(5)) : new StepClock(TimeSpan.FromMilliseconds(1));
        using var harness = new EngineHarness(runtime, options, clock, random.Next(2) == 0 ? Draft(random, runtime) : null);
        var known = new List<int[]>();
        var live = new List<(Sequence Sequence, int[] Expected, List<GenerationEvent> Events)>();
        for (var left = random.Next(3, 9); left > 0 || !harness.Scheduler.IsIdle;)
        {
            if (left > 0 && (harness.Scheduler.IsIdle || random.Next(6) == 0))
            {
                left--;
                var request = NextRequest(random, known);
                var (tokens, events) = EngineHarness.RunAlone(request, runtime with { MicroBatchTokens = 512, MaxBatchTokens = 512 });
                known.Add([.. request.PromptTokens, .. tokens]);
                live.Add((harness.Submit(request with { PredictedTokens = Predict(random, tokens) }), tokens, events));
            }

            if (random.Next(100) == 0 && live.Count > 0)
            {
                live[random.Next(live.Count)].Sequence.Cancel();
                harness.Scheduler.RemoveCancelled(_ => sum.Cancelled++);
            }

            if (harness.Scheduler.IsIdle) continue;
            harness.Step();
            sum.Preempted += live.Count(l => l.Sequence.State == SequenceState.Preempted);
        }

        foreach (var (sequence, expected, events) in live)
        {
            if (sequence.IsCancelled) continue;
            Assert.Equal(expected, sequence.Tokens[sequence.PromptLength..].ToArray());
            var actual = sequence.Events();
            Assert.Equal(events.Text(), actual.Text());
            Assert.Equal(LogProbs(events), LogProbs(actual));
            var finish = actual.Finish();
            Assert.Equal(events.Finish(), finish with { AcceptedPredictionTokens = 0, RejectedPredictionTokens = 0 });
            Assert.InRange(finish.AcceptedPredictionTokens, 0, expected.Length);
            sum.Predicted += finish.AcceptedPredictionTokens;
            if (sequence.Request.PredictedTokens.Length == 0) Assert.Equal(0, finish.AcceptedPredictionTokens + finish.RejectedPredictionTokens);
        }

        var statistics = harness.Metrics.Snapshot(0, 0);
        sum.Drafted += statistics.DraftTokens;
        sum.Accepted += statistics.AcceptedDraftTokens;
        sum.Reused += statistics.CachedTokens;
    }

    /// <summary>A model that knows most of it, and has its own limits, window and failures.</summary>
    private static FakeRuntimeOptions Draft(Random random, FakeRuntimeOptions runtime) => runtime with
    {
        Salt = random.Next(3) == 0 ? 1UL : 0,
        Next = tokens => tokens.Count % 11 == 0 ? FakeTokenizer.FirstByte + 'e' : runtime.Next!(tokens),
        ContextLength = Pick(random, 64, 256, 300),
        MaxSequences = random.Next(1, 6),
        MaxBatchTokens = Pick(random, 16, 64),
        SlidingWindow = Pick(random, 0, 8),
        SharedCells = 0,
        OnForward = _ => random.Next(50) == 0 ? ForwardStatus.Failed : ForwardStatus.Ok,
    };

    private static GenerationRequest NextRequest(Random random, List<int[]> known)
    {
        int[] prompt = [FakeTokenizer.Bos];
        if (known.Count > 0 && random.Next(3) > 0)
        {
            var earlier = known[random.Next(known.Count)];
            prompt = earlier[..random.Next(1, Math.Min(earlier.Length, 120) + 1)];
        }

        var tail = random.Next(prompt.Length == 1 ? 1 : 0, 40);
        prompt = [.. prompt, .. Enumerable.Range(0, tail).Select(_ => FakeTokenizer.FirstByte + 32 + random.Next(95))];
        var maxTokens = random.Next(1, 80);
        return new()
        {
            Id = "r",
            PromptTokens = prompt,
            MaxTokens = maxTokens,
            MinTokens = random.Next(4) == 0 ? random.Next(maxTokens) : 0,
            Stop = random.Next(3) == 0 ? ["ab", "Q", "zz"] : [],
            StopTokens = random.Next(4) == 0 ? [FakeTokenizer.FirstByte + 'x'] : [],
            IgnoreEndOfGeneration = random.Next(2) == 0,
            ReusePrefix = random.Next(8) != 0,
            Deterministic = random.Next(8) == 0,
            Priority = (RequestPriority)random.Next(3),
            TopLogProbs = random.Next(4) == 0 ? random.Next(3) : null,
            Sampling = new()
            {
                Temperature = random.Next(2) == 0 ? 0 : 1,
                TopK = Pick(random, 0, 5, 64),
                TopP = Pick(random, 0.9f, 1f),
                FrequencyPenalty = Pick(random, 0f, 0f, 0.5f, 2f),
                RepeatPenalty = Pick(random, 1f, 1f, 1.2f, 3f),
                LogitBias = random.Next(5) == 0 ? new Dictionary<int, float> { [FakeTokenizer.FirstByte + 'e'] = 3 } : null,
                Seed = (ulong)random.NextInt64(),
            },
        };
    }

    /// <summary>Nothing, or the answer with some tokens changed, left out or put in.</summary>
    private static int[] Predict(Random random, int[] answer)
    {
        if (random.Next(2) == 0) return [];
        var predicted = new List<int>();
        foreach (var token in answer)
        {
            var kind = random.Next(20);
            if (kind != 0) predicted.Add(token);
            if (kind <= 1) predicted.Add(FakeTokenizer.FirstByte + 32 + random.Next(95));
        }

        return [.. predicted];
    }

    private static List<(int, float)> LogProbs(List<GenerationEvent> events) =>
        [.. events.OfType<GenerationEvent.Text>().SelectMany(t => t.LogProbs).Select(l => (l.Token, l.LogProb))];

    private static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];

    private sealed record Tally
    {
        public long Drafted { get; set; }

        public long Accepted { get; set; }

        public long Predicted { get; set; }

        public long Reused { get; set; }

        public int Preempted { get; set; }

        public int Cancelled { get; set; }
    }
}
