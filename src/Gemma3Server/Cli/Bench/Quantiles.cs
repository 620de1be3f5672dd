namespace Gemma3Server.Cli.Bench;

/// <summary>Order statistics of a small sample.</summary>
internal static class Quantiles
{
    /// <summary>The median; not-a-number for an empty sample.</summary>
    public static double Median(this IEnumerable<double> values) => values.Quantile(0.5);

    /// <summary>The value that a fraction <paramref name="q"/> of the sample does not exceed (linear between neighbours).</summary>
    public static double Quantile(this IEnumerable<double> values, double q)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0) return double.NaN;
        var index = q * (sorted.Length - 1);
        var low = (int)index;
        var high = Math.Min(low + 1, sorted.Length - 1);
        return sorted[low] + ((sorted[high] - sorted[low]) * (index - low));
    }
}
