namespace Gemma3Server.Benchmarks.Load;

/// <summary>The straight line through a series that is nearest to it in least squares.</summary>
internal static class LinearTrend
{
    /// <summary>Rise of y per unit of x; 0 where fewer than two different x are known.</summary>
    public static double Slope(IReadOnlyList<(double X, double Y)> points)
    {
        if (points.Count < 2) return 0;
        var (meanX, meanY) = (points.Average(p => p.X), points.Average(p => p.Y));
        var spread = points.Sum(p => (p.X - meanX) * (p.X - meanX));
        return spread == 0 ? 0 : points.Sum(p => (p.X - meanX) * (p.Y - meanY)) / spread;
    }
}
