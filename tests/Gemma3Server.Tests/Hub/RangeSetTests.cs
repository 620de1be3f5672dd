using Gemma3Server.Hub.Download;

namespace Gemma3Server.Tests.Hub;

public sealed class RangeSetTests
{
    /// <summary>Against one flag a byte.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Add_RandomRanges_EqualFlags(int seed)
    {
        const int total = 200;
        var (random, set, flags) = (new Random(seed), new RangeSet(), new bool[total]);
        for (var step = 0; step < 300; step++)
        {
            var start = random.Next(total);
            var end = Math.Min(total, start + random.Next(12));
            set.Add(new(start, end));
            for (var i = start; i < end; i++) flags[i] = true;

            set.CheckIntegrity();
            Assert.Equal(flags.Count(flag => flag), set.Length);
            var most = random.Next(1, 30);
            var missing = set.Missing(total, most).ToList();
            Assert.All(missing, range => Assert.InRange(range.Length, 1, most));
            Assert.Equal(
                Enumerable.Range(0, total).Where(i => !flags[i]).Select(i => (long)i),
                missing.SelectMany(range => Enumerable.Range((int)range.Start, (int)range.Length)).Select(i => (long)i));
            if (step == 150)
            {
                set.Clear();
                Array.Clear(flags);
            }
        }
    }
}
