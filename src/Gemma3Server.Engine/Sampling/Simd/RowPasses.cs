using System.Runtime.Intrinsics;

namespace Gemma3Server.Engine.Sampling.Simd;

/// <summary>
/// Passes over a logits row, block by block (<see cref="LogitRow.Block"/>). Blocks whose largest logit is below what a pass looks for are not
/// read. Spans that a pass fills have one element per block.
/// </summary>
internal abstract class RowPasses
{
    /// <summary>For the widest registers that this processor is fast with.</summary>
    public static RowPasses Best { get; } = Vector512.IsHardwareAccelerated ? new LanePasses<Lanes512>()
        : Vector256.IsHardwareAccelerated ? new LanePasses<Lanes256>()
        : new LanePasses<Lanes128>();

    /// <summary>The largest logit of each block, which are anything when the answer is false: there is a NaN, or an infinity of each sign.</summary>
    public abstract bool Maxima(LogitRow row, Span<float> maxima);

    /// <summary><see cref="Maxima"/> and, while a block is in the cache, <see cref="Sums"/> without bounds.</summary>
    public abstract bool MaximaAndSums(LogitRow row, float scale, Span<float> maxima, Span<float> sums);

    /// <summary>
    /// Of each block the sum of exp((logit - reference) * scale) over the logits from <paramref name="low"/> to <paramref name="high"/>. A
    /// block's reference is its maximum, or <paramref name="high"/> if that is less.
    /// </summary>
    public abstract void Sums(LogitRow row, ReadOnlySpan<float> maxima, float low, float high, float scale, Span<float> sums);

    /// <summary>Of each block the sum of (logit - maximum) * exp(logit - maximum), over all of it.</summary>
    public abstract void Moments(LogitRow row, ReadOnlySpan<float> maxima, Span<float> moments);

    /// <summary>
    /// Writes the keys of the logits from <paramref name="low"/> to <paramref name="high"/>, in order of token id, and returns how many there
    /// are; -1 when <paramref name="keys"/> is too short. Logits of negative infinity are never among them.
    /// </summary>
    public abstract int Collect(LogitRow row, ReadOnlySpan<float> maxima, float low, float high, Span<ulong> keys);

    /// <summary>How many tokens before <paramref name="end"/> have exactly this logit.</summary>
    public abstract int CountEqual(LogitRow row, ReadOnlySpan<float> maxima, float logit, int end);

    /// <summary>The largest logit that is not above <paramref name="high"/>; negative infinity when there is none.</summary>
    public abstract float MaxUpTo(LogitRow row, float high);

    /// <summary>Replaces values, none of which is positive, by e to their power.</summary>
    public abstract void Exp(Span<float> values);
}
