using Gemma3Server.Engine.Execution;
using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests;

/// <summary>The strongest property: a request's tokens, text and end do not depend on what else the engine does.</summary>
public sealed class RandomScenarioTests
{
    private static readonly GrammarDefinition[] Grammars =
    [
        new(GrammarKind.JsonObject),
        new(GrammarKind.JsonSchema, """
            {"type":"object","properties":{"a long name to be forced":{"enum":["of one","of two"]},"b":{"type":"array","items":{"type":"integer"}}},
            "required":["a long name to be forced"]}
            """),
        new(GrammarKind.Regex, "(one after|one before|[a-z]{3}){1,20}"),
        new(GrammarKind.Choice, """["a forced text of many tokens, longer than a chunk of any micro batch that there is"]""") { Trigger = "a", Repeats = true },
    ];

    [Theory]
    [InlineData(0, 80)]
    [InlineData(1, 80)]
    [InlineData(2, 80)]
    [InlineData(3, 80)]
    public void Generate_AnyLoadReuseBudgetClassPreemptionAndFailure_SameAsAlone(int part, int scenarios)
    {
        long reused = 0, preempted = 0, cancelled = 0;
        for (var i = 0; i < scenarios; i++)
        {
            var result = RunScenario(new Random((part * 10_000) + i));
            reused += result.Reused;
            preempted += result.Preempted;
            cancelled += result.Cancelled;
        }

        // A test of reuse and preemption that reused and preempted nothing would prove nothing.
        Assert.True(reused > 1000 && preempted > 5 && cancelled > 5, $"{reused} reused, {preempted} preempted, {cancelled} cancelled");
    }

    private static (long Reused, int Preempted, int Cancelled) RunScenario(Random random)
    {
        var micro = Pick(random, 8, 16, 32, 64);
        var failing = random.Next(2) == 0;
        var lastFailure = -10;
        var scarce = random.Next(4) == 0;
        var runtime = new FakeRuntimeOptions
        {
            MaxSequences = random.Next(1, 7),
            ContextLength = 512,
            MicroBatchTokens = micro,
            MaxBatchTokens = micro * random.Next(1, 3),
            SlidingWindow = Pick(random, 0, 0, 8, 24, 64),
            SharedCells = random.Next(2) == 0 ? 0 : random.Next(520, 900),
            // Never two failures on end: the second would be the fault of the requests.
            OnForward = n =>
            {
                if (!failing || n < lastFailure + 2 || random.Next(12) != 0) return ForwardStatus.Ok;
                lastFailure = n;
                return Pick(random, ForwardStatus.Failed, ForwardStatus.Aborted, ForwardStatus.OutOfMemory);
            },
            // Never so little that the smallest step does not fit.
            RowsInMemory = () => scarce ? random.Next(MemoryYield.LeastRows, 64) : int.MaxValue,
        };
        var options = new EngineOptions
        {
            StepTokens = Pick(random, 0, 0, micro / 2, micro),
            PrefixReuse = random.Next(5) != 0,
            CheckpointBytes = Pick(random, 0, 2000, 1 << 30),
            AdaptiveBudget = random.Next(4) != 0,
            InterTokenFactor = Pick(random, 1.0, 2, 10),
            InterTokenMilliseconds = Pick(random, 0.0, 1, 20),
            PrefillShare = Pick(random, 0, 0.25, 0.9),
            ReserveTokens = Pick(random, 0, 0, 256),
            HostCacheBytes = Pick(random, 0, 4000, 1 << 30),
            ForkMinimumTokens = Pick(random, 1, 32, 64),
        };

        using var harness = new EngineHarness(runtime, options, new JitterClock(random, TimeSpan.FromMilliseconds(Pick(random, 1, 100))));
        var known = new List<(GenerationRequest Request, int[] Tokens)>();
        var live = new List<(Sequence Sequence, int[] Expected, List<GenerationEvent> Events)>();
        int preempted = 0, cancelled = 0;
        for (var left = random.Next(4, 16); left > 0 || !harness.Scheduler.IsIdle;)
        {
            if (left > 0 && (harness.Scheduler.IsIdle || random.Next(6) == 0))
            {
                left--;
                var request = NextRequest(random, known);
                if (scarce) request = request with { Deterministic = false }; // whose chunks are never cut
                var (tokens, events) = EngineHarness.RunAlone(request, runtime with { MicroBatchTokens = 512, MaxBatchTokens = 512 });
                known.Add((request, tokens));
                live.Add((harness.Submit(request), tokens, events));
            }

            if (random.Next(150) == 0 && live.Count > 0)
            {
                live[random.Next(live.Count)].Sequence.Cancel();
                harness.Scheduler.RemoveCancelled(_ => cancelled++);
            }

            if (harness.Scheduler.IsIdle) continue;
            harness.Step();
            preempted += live.Count(l => l.Sequence.State == SequenceState.Preempted);
        }

        harness.Cache.ShedSnapshots();
        Assert.Equal(0, harness.Runtime.LiveSnapshots);
        foreach (var (sequence, expected, events) in live)
        {
            if (sequence.IsCancelled) continue;
            Assert.Equal(expected, sequence.Tokens[sequence.PromptLength..].ToArray());
            var actual = sequence.Events();
            Assert.Equal(events.Text(), actual.Text());
            Assert.Equal(events.Finish(), actual.Finish());
            Assert.Equal(LogProbs(events), LogProbs(actual));
            Assert.IsType<GenerationEvent.Started>(actual[0]);
            Assert.IsType<GenerationEvent.Finished>(actual[^1]);
        }

        return (harness.Metrics.Snapshot(0, 0).CachedTokens, preempted, cancelled);
    }

    /// <summary>A new conversation, the same prompt again, a next turn, or a prompt that leaves an earlier one somewhere.</summary>
    private static GenerationRequest NextRequest(Random random, List<(GenerationRequest Request, int[] Tokens)> known)
    {
        int[] prompt = [FakeTokenizer.Bos];
        if (known.Count > 0 && random.Next(3) > 0)
        {
            var (earlier, answer) = known[random.Next(known.Count)];
            int[] whole = [.. earlier.PromptTokens, .. answer];
            prompt = random.Next(3) switch { 0 => earlier.PromptTokens, 1 => whole, _ => whole[..random.Next(1, whole.Length + 1)] };
        }

        if (prompt.Length > 250) prompt = prompt[..250];
        var tail = random.Next(prompt.Length == 1 ? 1 : 0, 90);
        prompt = [.. prompt, .. Enumerable.Range(0, tail).Select(_ => FakeTokenizer.FirstByte + 32 + random.Next(95))];
        return new()
        {
            Id = "r",
            PromptTokens = prompt,
            MaxTokens = random.Next(1, 100),
            Stop = random.Next(3) == 0 ? ["ab", "Q", "zz"] : [],
            IgnoreEndOfGeneration = random.Next(2) == 0,
            Grammar = random.Next(4) == 0 ? Pick(random, Grammars) : null,
            ReusePrefix = random.Next(8) != 0,
            Deterministic = random.Next(6) == 0,
            Priority = (RequestPriority)random.Next(3),
            ClientKey = $"client {random.Next(4)}",
            Timeout = random.Next(3) == 0 ? TimeSpan.FromDays(365) : null,
            TopLogProbs = random.Next(2) == 0 ? null : random.Next(4),
            MinTokens = random.Next(3) == 0 ? random.Next(20) : 0,
            StopTokens = random.Next(4) == 0 ? [FakeTokenizer.FirstByte + 'x'] : [],
            Sampling = new()
            {
                Temperature = random.Next(2) == 0 ? 0 : 1,
                TopK = Pick(random, 0, 5, 64),
                TopP = Pick(random, 0.9f, 1f),
                FrequencyPenalty = Pick(random, 0f, 0f, 0.5f),
                RepeatPenalty = Pick(random, 1f, 1f, 1.2f),
                Seed = (ulong)random.NextInt64(),
            },
        };
    }

    private static IEnumerable<string> LogProbs(List<GenerationEvent> events) => events.OfType<GenerationEvent.Text>()
        .SelectMany(text => text.LogProbs).Select(token => $"{token.Token} {token.LogProb} {string.Join(' ', token.Top)}");

    private static T Pick<T>(Random random, params T[] choices) => choices[random.Next(choices.Length)];
}
