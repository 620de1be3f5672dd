using Gemma3Server.Responses;

namespace Gemma3Server.Tests.Responses;

public sealed class EventLogTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Read_WhileItGrows_GivesAllToEachReader()
    {
        var log = new EventLog<int>();
        var readers = Enumerable.Range(0, 8).Select(from => Task.Run(() => ListAsync(log, from * 50), Cancellation)).ToList();
        var random = new Random(3);
        for (var i = 0; i < 1000; i++)
        {
            log.Add(i);
            if (random.Next(20) == 0) await Task.Yield();
        }

        log.Complete();
        for (var i = 0; i < readers.Count; i++) Assert.Equal(Enumerable.Range(i * 50, 1000 - i * 50), await readers[i]);
        Assert.Equal([998, 999], await ListAsync(log, 998));
        Assert.Empty(await ListAsync(log, 5000));
    }

    [Fact]
    public async Task Read_Cancelled_Ends()
    {
        using var cancellation = new CancellationTokenSource();
        await using var reader = new EventLog<int>().ReadAsync(0, cancellation.Token).GetAsyncEnumerator(Cancellation);
        var next = reader.MoveNextAsync();
        Assert.False(next.IsCompleted);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await next);
    }

    private static async Task<List<int>> ListAsync(EventLog<int> log, int from)
    {
        var read = new List<int>();
        await foreach (var item in log.ReadAsync(from, Cancellation)) read.Add(item);
        return read;
    }
}
