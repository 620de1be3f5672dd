using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling.Simd;

/// <summary>e to the power of lanes that are not positive, within about 1e-7 of the true value.</summary>
/// <remarks>
/// e^x = 2^n * e^r with n the nearest integer to x / ln 2 and |r| at most ln 2 / 2, where Taylor's polynomial of degree 7 is exact to 5e-9.
/// ln 2 is subtracted in two parts, of which the first has so few bits that n times it is exact.
/// </remarks>
internal static class Exponential<TLanes>
    where TLanes : struct, ILanes<TLanes>
{
    /// <summary>Below it the power counts as 0, which also makes that of negative infinity 0: e^-86 is far below any rounding.</summary>
    public const float Least = -86f;

    private const float Log2E = 1.44269504f;
    private const float Ln2High = 0.693359375f;
    private const float Ln2Low = -2.12194440e-4f;

    /// <summary>1.5 * 2^23: adding it leaves the nearest integer in the low bits of the sum.</summary>
    private const float Rounder = 12_582_912f;

    /// <summary>Meaningful between <see cref="Least"/> and 0; anything, but no trap, elsewhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Of(TLanes x)
    {
        var shifted = TLanes.MultiplyAdd(x, TLanes.Of(Log2E), TLanes.Of(Rounder));
        var n = shifted - TLanes.Of(Rounder);
        var r = TLanes.MultiplyAdd(n, TLanes.Of(-Ln2High), x);
        r = TLanes.MultiplyAdd(n, TLanes.Of(-Ln2Low), r);
        var power = TLanes.MultiplyAdd(TLanes.Of(1f / 5040), r, TLanes.Of(1f / 720));
        power = TLanes.MultiplyAdd(power, r, TLanes.Of(1f / 120));
        power = TLanes.MultiplyAdd(power, r, TLanes.Of(1f / 24));
        power = TLanes.MultiplyAdd(power, r, TLanes.Of(1f / 6));
        power = TLanes.MultiplyAdd(power, r, TLanes.Of(1f / 2));
        power = TLanes.MultiplyAdd(power, r, TLanes.Of(1f));
        power = TLanes.MultiplyAdd(power, r, TLanes.Of(1f));
        return TLanes.AddExponent(power, shifted);
    }
}
