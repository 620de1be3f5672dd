using Gemma3Server.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Engine.Tests;

/// <summary>Clients that leave at the very moment when they come.</summary>
public sealed class EngineCancellationTests
{
    private const int Rounds = 3000;

    /// <summary>Tokens that a generation nobody stops soon reaches, and a stopped one never.</summary>
    private const int TooLong = 200_000;

    private static CancellationToken Timeout => TestContext.Current.CancellationToken;

    /// <summary>With another stream running, the loop takes cancellations all the time; alone, it wakes up for each.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Generate_AlreadyCancelled_NeverComputesForNobody(bool busy)
    {
        await using var engine = Create();
        await engine.Ready.WaitAsync(Timeout);
        using var gone = new CancellationTokenSource();
        var other = busy ? engine.Generate(Requests.Greedy("other", 900_000), gone.Token) : null;
        for (var i = 0; i < Rounds; i++)
        {
            Assert.Empty(await engine.Generate(Requests.Greedy("p", TooLong), new(canceled: true)).ReadAll().WaitAsync(Timeout));
        }

        await gone.CancelAsync();
        if (other is not null) await other.ReadAll().WaitAsync(Timeout);
        Assert.Equal(Rounds + (busy ? 1 : 0), engine.Statistics.Cancelled);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Generate_CancelledWhileItIsAdmitted_Ends(bool busy)
    {
        await using var engine = Create();
        await engine.Ready.WaitAsync(Timeout);
        using var gone = new CancellationTokenSource();
        var other = busy ? engine.Generate(Requests.Greedy("other", 900_000), gone.Token) : null;
        for (var i = 0; i < Rounds; i++)
        {
            using var source = new CancellationTokenSource();
            var cancel = Task.Run(source.Cancel, Timeout);
            var events = await engine.Generate(Requests.Greedy("p", TooLong), source.Token).ReadAll().WaitAsync(Timeout);
            Assert.DoesNotContain(events, e => e is GenerationEvent.Finished or GenerationEvent.Failed);
            await cancel;
        }

        await gone.CancelAsync();
        if (other is not null) await other.ReadAll().WaitAsync(Timeout);
    }

    // The token that is forced costs the fake the least.
    private static InferenceEngine Create() => new(
        () => new FakeModelRuntime(new() { ContextLength = 1_000_000, MaxSequences = 2, Next = _ => FakeTokenizer.FirstByte + 'a' }),
        new() { PrefixReuse = false },
        TimeProvider.System,
        NullLogger<InferenceEngine>.Instance);
}
