using Gemma3Server.Engine.Scheduling;
using Gemma3Server.Testing;

namespace Gemma3Server.Engine.Tests.Scheduling;

/// <summary>Nobody waits for ever, counted in steps.</summary>
public sealed class StarvationTests
{
    private const int MostTokens = 20;
    private const int MostPrompt = 300;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Step_BetterClassesAndNewClientsKeepComing_EveryoneBeginsWithinABound(int seed)
    {
        var random = new Random(seed);
        var shape = new FakeRuntimeOptions { MaxSequences = random.Next(1, 6), MicroBatchTokens = 64, MaxBatchTokens = 128, ContextLength = 512 };
        using var harness = new EngineHarness(shape, new() { PrefixReuse = false }, new JitterClock(random, TimeSpan.FromMilliseconds(50)));
        var arrived = new Dictionary<Sequence, int>();
        var queue = 0;
        for (var step = 0; step < 8000; step++)
        {
            while (harness.Scheduler.WaitingCount < 12)
            {
                // Mostly the best class, and mostly clients that were never seen.
                var priority = (RequestPriority)Math.Max(0, random.Next(6) - 3);
                var client = random.Next(3) == 0 ? "known" : $"client {step} {queue++}";
                var sequence = harness.Submit(new string('p', random.Next(1, MostPrompt)), random.Next(1, MostTokens), r => r with
                {
                    Priority = priority,
                    ClientKey = client,
                    Deterministic = random.Next(8) == 0,
                });
                arrived[sequence] = step;
            }

            harness.Step();
            foreach (var (sequence, since) in arrived)
            {
                if (sequence.Output.Started || sequence.State == SequenceState.Finished) arrived.Remove(sequence);
                // At most twelve wait in a class, which has every tenth admission, and an admission takes some thirty steps where only
                // one sequence runs. Whoever were never let in would wait for all eight thousand.
                else Assert.True(step - since < 4000, $"{sequence.Request.Priority} has waited for {step - since} steps");
            }
        }
    }
}
