namespace Gemma3Server.Engine.Diagnostics;

/// <summary>The mean of measurements in which older ones count ever less.</summary>
internal static class FadingMean
{
    /// <summary>The mean with one more measurement, of the given weight; the first one, beside a mean of 0, is taken as it is.</summary>
    public static double With(double mean, double sample, double weight) => mean == 0 ? sample : ((1 - weight) * mean) + (weight * sample);
}
