using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// Tokens in order of probability, of which each truncation leaves a range: top-p and min-p cut the tail, typical-p may cut both ends.
/// </summary>
/// <remarks>The order also makes a draw near a border move to a like token when rounding moves the border.</remarks>
internal ref struct Candidates
{
    private readonly ReadOnlySpan<ulong> _keys;
    private readonly ReadOnlySpan<double> _weights;
    private int _start;
    private int _end;

    /// <summary>All of <paramref name="keys"/>, which are sorted in place; at least one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Candidates(Span<ulong> keys, SamplerScratch scratch)
    {
        KeySelection.SortDescending(keys);
        _keys = keys;
        _end = keys.Length;
        var weights = scratch.Weights(keys.Length);
        var max = LogitKey.Logit(keys[0]);
        for (var i = 0; i < weights.Length; i++) weights[i] = KeySelection.Weight(keys[i], max);
        _weights = weights;
    }

    /// <summary>
    /// Keeps the tokens whose logit is nearest to the expected one, until their probability reaches <paramref name="p"/>; of equally near ones
    /// all (<see cref="SamplingParameters.TypicalP"/>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Typical(double p)
    {
        double total = 0, expected = 0;
        for (var i = _start; i < _end; i++)
        {
            total += _weights[i];
            expected += _weights[i] * LogitKey.Logit(_keys[i]);
        }

        expected /= total;
        int above = _start; // the tokens from here on, up to below, are kept
        while (above < _end && LogitKey.Logit(_keys[above]) >= expected) above++;
        var below = above;
        var (sum, distance) = (0.0, 0.0);
        while (above > _start || below < _end)
        {
            var toAbove = above > _start ? LogitKey.Logit(_keys[above - 1]) - expected : double.PositiveInfinity;
            var toBelow = below < _end ? expected - LogitKey.Logit(_keys[below]) : double.PositiveInfinity;
            if (sum >= p * total && Math.Min(toAbove, toBelow) > distance) break;
            distance = Math.Min(toAbove, toBelow);
            sum += _weights[toAbove <= toBelow ? --above : below++];
        }

        (_start, _end) = (above, below);
    }

    /// <summary>Keeps the first tokens until their probability reaches <paramref name="p"/>.</summary>
    public void TopP(double p)
    {
        var total = 0.0;
        foreach (var weight in _weights[_start.._end]) total += weight;
        KeepWeight(p * total);
    }

    /// <summary>
    /// Keeps the first tokens until their weights, relative to the first of all, reach <paramref name="target"/>; all, and false, if they do
    /// not.
    /// </summary>
    public bool KeepWeight(double target)
    {
        var sum = 0.0;
        for (var i = _start; i < _end; i++)
        {
            sum += _weights[i];
            if (sum < target) continue;
            _end = i + 1;
            return true;
        }

        return false;
    }

    /// <summary>Keeps the tokens that are at least this fraction as probable as the first.</summary>
    public void MinP(float fraction)
    {
        var least = LeastLogit(LogitKey.Logit(_keys[_start]), fraction);
        while (LogitKey.Logit(_keys[_end - 1]) < least) _end--;
    }

    /// <summary>The token at <paramref name="uniform"/> of the probability, after the temperature has changed the odds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly int Draw(float scale, double uniform, SamplerScratch scratch)
    {
        var sums = scratch.Weights(_keys.Length); // in place of the weights, each of which is read before it is overwritten
        var max = (double)LogitKey.Logit(_keys[_start]);
        var total = 0.0;
        for (var i = _start; i < _end; i++)
        {
            total += scale == 1f ? _weights[i] : Math.Exp((LogitKey.Logit(_keys[i]) - max) * scale);
            sums[i] = total;
        }

        var target = uniform * total;
        for (var i = _start; i < _end; i++)
        {
            if (target < sums[i]) return LogitKey.Token(_keys[i]);
        }

        return LogitKey.Token(_keys[_start]);
    }

    /// <summary>The logit from which a token is at least <paramref name="fraction"/> as probable as one of <paramref name="max"/>.</summary>
    public static float LeastLogit(float max, float fraction) =>
        fraction > 0f ? max + MathF.Min(0f, MathF.Log(fraction)) : float.NegativeInfinity;
}
