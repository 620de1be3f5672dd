namespace Gemma3Server.Engine.Evaluation;

/// <summary>
/// A mean over tokens, or a smooth function of such means, with what each unit of the sample contributes to its error.
/// </summary>
/// <remarks>
/// The tokens of one document are not independent, so the sample's units are documents where there are enough of them. The mean is then a
/// ratio of two sums over units, and its error comes from linearization (the delta method; Cochran, Sampling Techniques, chapter 6): unit u
/// with sum S(u) and size n(u) contributes (S(u) - mean n(u)) / N, and the variance is U/(U-1) times the sum of their squares. Where units
/// are single tokens that is the usual s²/N. Functions of several means over the same units combine the contributions before squaring, which
/// makes their errors paired.
/// </remarks>
internal sealed class TokenMean
{
    private readonly double[] _contributions;

    private TokenMean(double value, double[] contributions)
    {
        Value = value;
        _contributions = contributions;
    }

    public double Value { get; }

    public Estimate Estimate => new(Value, StandardError());

    /// <summary>The mean of <paramref name="values"/> over units that begin at <paramref name="starts"/>.</summary>
    public static TokenMean Of(int count, Func<int, double> values, IReadOnlyList<int> starts)
    {
        var contributions = new double[starts.Count];
        var total = 0d;
        for (var unit = 0; unit < contributions.Length; unit++)
        {
            for (var i = starts[unit]; i < End(unit); i++) contributions[unit] += values(i);
            total += contributions[unit];
        }

        var mean = total / count;
        for (var unit = 0; unit < contributions.Length; unit++)
            contributions[unit] = (contributions[unit] - mean * (End(unit) - starts[unit])) / count;
        return new(mean, contributions);

        int End(int unit) => unit + 1 < starts.Count ? starts[unit + 1] : count;
    }

    /// <summary>A function of this mean, by its value and its derivative here.</summary>
    public TokenMean Apply(double value, double derivative) => Combine(value, (this, derivative));

    /// <summary>A function of several means over the same units, by its value and its partial derivatives here.</summary>
    public static TokenMean Combine(double value, params ReadOnlySpan<(TokenMean Mean, double Derivative)> terms)
    {
        var contributions = new double[terms[0].Mean._contributions.Length];
        foreach (var (mean, derivative) in terms)
            for (var unit = 0; unit < contributions.Length; unit++) contributions[unit] += derivative * mean._contributions[unit];
        return new(value, contributions);
    }

    private double? StandardError()
    {
        double units = _contributions.Length;
        return units < 2 ? null : Math.Sqrt(units / (units - 1) * _contributions.Sum(static c => c * c));
    }
}
