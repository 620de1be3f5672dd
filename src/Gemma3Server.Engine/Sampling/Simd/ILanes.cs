namespace Gemma3Server.Engine.Sampling.Simd;

/// <summary>
/// Sixteen floats that are worked on at once: one register of 512 bits, or as many smaller ones as it takes.
/// </summary>
/// <remarks>
/// Every width does the same operations in the same order, so that all of them round alike: a seed gives the same token on every processor
/// that has fused multiply-add (all that have AVX2 or NEON). The kernels are written once, over this.
/// </remarks>
internal interface ILanes<TSelf>
    where TSelf : struct, ILanes<TSelf>
{
    static abstract TSelf Load(ref float first);

    static abstract TSelf Of(float value);

    void Store(ref float first);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    /// <summary>left * right + addend, rounded once where the processor can.</summary>
    static abstract TSelf MultiplyAdd(TSelf left, TSelf right, TSelf addend);

    /// <summary>The larger of each pair; which of them when one is NaN depends on the processor.</summary>
    static abstract TSelf Max(TSelf left, TSelf right);

    /// <summary>Adds to the binary exponent of each lane the integer in the low bits of <paramref name="exponent"/>.</summary>
    static abstract TSelf AddExponent(TSelf value, TSelf exponent);

    /// <summary>The value where <paramref name="x"/> is at least <paramref name="low"/>, else 0.</summary>
    static abstract TSelf KeepAtLeast(TSelf value, TSelf x, TSelf low);

    /// <summary>The value where <paramref name="x"/> lies in the closed range, else 0.</summary>
    static abstract TSelf KeepBetween(TSelf value, TSelf x, TSelf low, TSelf high);

    /// <summary>One bit per lane that lies in the closed range, the first lane lowest.</summary>
    static abstract uint Between(TSelf x, TSelf low, TSelf high);

    /// <summary>The largest lane.</summary>
    static abstract float Max(TSelf value);

    /// <summary>The sum of the lanes, by halves.</summary>
    static abstract float Sum(TSelf value);
}
