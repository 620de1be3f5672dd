namespace Gemma3Server.Benchmarks.Load;

/// <summary>Arrivals of independent users: the gaps between them are exponentially distributed.</summary>
internal static class PoissonArrivals
{
    /// <summary>Seconds from the start to each of <paramref name="count"/> arrivals, ascending; the same seed gives the same arrivals.</summary>
    public static double[] Times(double perSecond, int count, int seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(perSecond);
        var random = new Random(seed);
        var times = new double[count];
        var now = 0.0;
        for (var i = 0; i < count; i++)
        {
            now += -Math.Log(1 - random.NextDouble()) / perSecond; // 1 - x is never 0
            times[i] = now;
        }

        return times;
    }
}
