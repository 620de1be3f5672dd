using Gemma3Server.Runtime.LlamaCpp;

namespace Gemma3Server.Runtime.ConformanceTests.LlamaCpp;

/// <summary>What the pool of snapshots keeps for the next, in ordinary memory.</summary>
public sealed class StatePoolTests
{
    private const int Length = 100_000;

    [Fact]
    public void Rent_AfterAReturn_IsTheSameMemory()
    {
        using var pool = new StatePool(0);
        pool.Limit(1 << 20);
        var address = AddressOf(pool, Length);
        Assert.True(pool.IdleBytes >= Length);
        Assert.Equal(address, AddressOf(pool, Length - 1000));
        Assert.Equal(0, pool.RentedBytes);
    }

    [Fact]
    public void Rent_MuchLessThanWhatLiesIdle_IsNewMemoryWhereItIsKept()
    {
        using var pool = new StatePool(0);
        pool.Limit(1 << 20);
        AddressOf(pool, Length);
        var idle = pool.IdleBytes;
        using (pool.Rent(Length / 2, isKept: true)) Assert.Equal(idle, pool.IdleBytes);
        using (pool.Rent(Length / 3, isKept: false)) Assert.InRange(pool.IdleBytes, 1, idle);
    }

    [Fact]
    public void Limit_NeverSet_KeepsNothing()
    {
        using var pool = new StatePool(0);
        AddressOf(pool, Length);
        Assert.Equal(0, pool.IdleBytes);
    }

    /// <summary>As with a runtime that is never told a limit, or whose caches are full: a draft model's moves, and every fork.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2 * Length)]
    public void Rent_CopiesBeyondTheLimit_AreAlwaysTheSameMemory(int limit)
    {
        using var pool = new StatePool(0);
        if (limit > 0) pool.Limit(limit);
        using var kept = limit > 0 ? pool.Rent(limit, isKept: true) : null;
        var address = AddressOf(pool, Length, isKept: false);
        for (var i = 0; i < 3; i++)
        {
            using (pool.Rent(Length, isKept: true)) pool.CheckIntegrity(); // a checkpoint that takes another's place
            Assert.Equal(address, AddressOf(pool, Length - i, isKept: false));
        }

        Assert.Equal(0, pool.IdleBytes);
        Assert.InRange(pool.SpareBytes, Length, Length + (Length / 8));
        pool.CheckIntegrity();
    }

    [Fact]
    public void Rent_TwoCopiesAtOnceBeyondTheLimit_SparesTheLarger()
    {
        using var pool = new StatePool(0);
        using (pool.Rent(Length, isKept: false))
        using (pool.Rent(Length / 2, isKept: false)) Assert.Equal(0, pool.SpareBytes);
        Assert.True(pool.SpareBytes >= Length);
        Assert.Equal((0, 0), (pool.IdleBytes, pool.RentedBytes));
    }

    [Fact]
    public void Limit_CalledAgain_FreesTheCopysMemoryToo()
    {
        using var pool = new StatePool(0);
        AddressOf(pool, Length, isKept: false);
        Assert.NotEqual(0, pool.SpareBytes);
        pool.Limit(0);
        Assert.Equal(0, pool.SpareBytes);
    }

    [Fact]
    public void Limit_Lowered_FreesWhatLiesIdle()
    {
        using var pool = new StatePool(0);
        pool.Limit(1 << 20);
        AddressOf(pool, Length);
        pool.Limit(Length - 1);
        Assert.Equal(0, pool.IdleBytes);
        pool.CheckIntegrity();
    }

    [Fact]
    public void Return_AfterDispose_FreesIt()
    {
        var pool = new StatePool(0);
        pool.Limit(1 << 20);
        IDisposable[] rented = [pool.Rent(Length, isKept: true)!, pool.Rent(Length, isKept: false)!];
        pool.Dispose();
        foreach (var memory in rented) memory.Dispose();
        Assert.Equal((0, 0, 0), (pool.IdleBytes, pool.SpareBytes, pool.RentedBytes));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void RandomUse_AtAnyMoment_KeepsTheLimit(int seed)
    {
        var random = new Random(seed);
        using var pool = new StatePool(0);
        var rented = new List<IDisposable>();
        var reused = 0;
        for (var i = 0; i < 5000; i++)
        {
            switch (random.Next(5))
            {
                case 0 when random.Next(20) == 0:
                    pool.Limit(random.Next(3) * 400_000);
                    break;
                case < 3 when rented.Count < 8:
                    var idle = pool.IdleBytes + pool.SpareBytes;
                    rented.Add(pool.Rent(random.Next(1, Length), isKept: random.Next(2) == 0)!);
                    if (pool.IdleBytes + pool.SpareBytes < idle) reused++;
                    break;
                case var _ when rented.Count > 0:
                    var at = random.Next(rented.Count);
                    rented[at].Dispose();
                    rented.RemoveAt(at);
                    break;
                default:
                    break;
            }

            pool.CheckIntegrity();
        }

        Assert.True(reused > 100);
        rented.ForEach(memory => memory.Dispose());
        Assert.Equal(0, pool.RentedBytes);
        pool.CheckIntegrity();
    }

    private static unsafe nint AddressOf(StatePool pool, int length, bool isKept = true)
    {
        using var memory = pool.Rent(length, isKept)!;
        fixed (byte* start = memory.GetSpan()) return (nint)start;
    }
}
