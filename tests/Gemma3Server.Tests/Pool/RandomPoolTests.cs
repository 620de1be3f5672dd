using Gemma3Server.Api.Errors;
using Gemma3Server.Pool;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Pool;

/// <summary>Requests, departures, failures, orders and time in any order: the books stay sound, and nobody is left without an answer.</summary>
public sealed class RandomPoolTests
{
    private static readonly string[] Names = ["a", "b", "c", "d", "e"];

    [Theory(Timeout = 120_000)]
    [InlineData(0, 20)]
    [InlineData(1, 20)]
    [InlineData(2, 20)]
    public async Task Pool_AnyOrderOfEvents_StaysSound(int part, int scenarios)
    {
        var seen = new Counts();
        for (var i = 0; i < scenarios; i++) await RunAsync(new Random((part * 1000) + i), seen);
        Assert.True(seen is { Lent: > 30, Left: > 10, Failed: > 10, Evicted: > 10, Expired: > 5, Refused: > 5 }, seen.ToString());
    }

    private static async Task RunAsync(Random random, Counts seen)
    {
        var loader = new FakeLoader { Memory = random.Next(20, 60), MostShrinks = random.Next(3) };
        foreach (var name in Names) loader.Sizes[name] = random.Next(5, 25);
        await using var harness = new PoolHarness(new() { MostLoaded = random.Next(4), KeepAlive = $"{random.Next(4) * 30}", RoomTimeout = 20 }, loader);
        var waiting = new List<(Task<(ModelLease? Lease, OpenAiError? Error)> Asked, CancellationTokenSource Client)>();
        var held = new List<ModelLease>();
        var steps = random.Next(40, 120);
        for (var step = 0; step < steps || waiting.Count > 0; step++)
        {
            var name = Names[random.Next(Names.Length)];
            switch (random.Next(step < steps ? 12 : 4))
            {
                case 0 when loader.Loading is { } loading:
                    loading.Refuse(forMemory: random.Next(2) == 0);
                    seen.Failed++;
                    break;
                case 0 or 1 or 2:
                    if (loader.Loading is { } one) one.Load();
                    break;
                case 3 when held.Count > 0:
                    Give(held, random);
                    break;
                case 4 or 5 or 6:
                    var client = new CancellationTokenSource();
                    waiting.Add((harness.AskFor(name, client.Token, random.Next(8) == 0 ? "other.gguf" : null), client));
                    break;
                case 7 when waiting.Count > 0:
                    await waiting[random.Next(waiting.Count)].Client.CancelAsync();
                    break;
                case 8:
                    harness.Time.Advance(TimeSpan.FromSeconds(random.Next(1, 40)));
                    break;
                case 9:
                    harness.Pool.Pin(harness.Model(name), random.Next(4) == 0);
                    break;
                case 10:
                    _ = harness.Pool.UnloadAsync(harness.Model(name), TestContext.Current.CancellationToken);
                    break;
                case 11 when loader.Started.FirstOrDefault(instance => instance.Ready.IsCompletedSuccessfully && !instance.Ended.IsCompleted) is { } loaded && random.Next(4) == 0:
                    loaded.Fail(new InvalidOperationException("lost"));
                    break;
                default:
                    // Past the end: what keeps others waiting passes.
                    if (step >= steps && held.Count > 0) Give(held, random);
                    if (step >= steps) harness.Time.Advance(TimeSpan.FromSeconds(5));
                    break;
            }

            if (random.Next(2) == 0 || step >= steps) await Task.Delay(1, TestContext.Current.CancellationToken);
            harness.Pool.CheckIntegrity();
            Assert.Null(loader.Fault);
            Assert.All(held, lease => Assert.True(!((FakeInstance)lease.Instance).Stopped || lease.Instance.Failure is not null, "a busy model was unloaded"));
            foreach (var (asked, client) in waiting.Where(one => one.Asked.IsCompleted).ToList())
            {
                waiting.Remove((asked, client));
                if (asked.IsCanceled) seen.Left++;
                else if ((await asked) is { Lease: { } lease })
                {
                    held.Add(lease);
                    seen.Lent++;
                }
                else seen.Refused++;
            }
        }

        foreach (var lease in held) lease.Dispose();
        seen.Evicted += loader.Started.Count(instance => instance.Stopped);
        harness.Time.Advance(TimeSpan.FromHours(1));
        await TestServer.UntilAsync(() => Names.All(name => harness.Pool.StatusOf(harness.Model(name)) is { State: not ModelState.Unloading, Requests: 0 }));
        seen.Expired += Names.Count(name => harness.State(name) == ModelState.Unloaded);
        harness.Pool.CheckIntegrity();
    }

    private static void Give(List<ModelLease> held, Random random)
    {
        var lease = held[random.Next(held.Count)];
        held.Remove(lease);
        if (random.Next(4) == 0) lease.KeepAlive = random.Next(2) == 0 ? KeepAlive.Forever : new(TimeSpan.FromSeconds(random.Next(3) * 20));
        lease.Dispose();
    }

    private sealed record Counts
    {
        public int Lent { get; set; }

        public int Left { get; set; }

        public int Failed { get; set; }

        public int Refused { get; set; }

        public int Evicted { get; set; }

        public int Expired { get; set; }
    }
}
