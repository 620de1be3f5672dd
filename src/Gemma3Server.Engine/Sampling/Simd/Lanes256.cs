using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gemma3Server.Engine.Sampling.Simd;

/// <summary>Sixteen floats in two registers (AVX2).</summary>
internal readonly struct Lanes256(Vector256<float> low, Vector256<float> high) : ILanes<Lanes256>
{
    private readonly Vector256<float> _low = low;
    private readonly Vector256<float> _high = high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(ref float first) => new(Vector256.LoadUnsafe(ref first), Vector256.LoadUnsafe(ref first, 8));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Of(float value) => new(Vector256.Create(value), Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float first)
    {
        _low.StoreUnsafe(ref first);
        _high.StoreUnsafe(ref first, 8);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator +(Lanes256 left, Lanes256 right) => new(left._low + right._low, left._high + right._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator -(Lanes256 left, Lanes256 right) => new(left._low - right._low, left._high - right._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 operator *(Lanes256 left, Lanes256 right) => new(left._low * right._low, left._high * right._high);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 MultiplyAdd(Lanes256 left, Lanes256 right, Lanes256 addend) => new(
        Vector256.MultiplyAddEstimate(left._low, right._low, addend._low),
        Vector256.MultiplyAddEstimate(left._high, right._high, addend._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 left, Lanes256 right) =>
        new(Vector256.MaxNative(left._low, right._low), Vector256.MaxNative(left._high, right._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddExponent(Lanes256 value, Lanes256 exponent) => new(
        (value._low.AsInt32() + (exponent._low.AsInt32() << 23)).AsSingle(),
        (value._high.AsInt32() + (exponent._high.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 KeepAtLeast(Lanes256 value, Lanes256 x, Lanes256 low) => new(
        value._low & Vector256.GreaterThanOrEqual(x._low, low._low), value._high & Vector256.GreaterThanOrEqual(x._high, low._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 KeepBetween(Lanes256 value, Lanes256 x, Lanes256 low, Lanes256 high) =>
        new(value._low & Inside(x._low, low._low, high._low), value._high & Inside(x._high, low._high, high._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Between(Lanes256 x, Lanes256 low, Lanes256 high) =>
        Inside(x._low, low._low, high._low).ExtractMostSignificantBits()
        | (Inside(x._high, low._high, high._high).ExtractMostSignificantBits() << 8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes256 value) => Max(Vector256.MaxNative(value._low, value._high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 value) => Sum(value._low + value._high);

    /// <summary>The largest of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector256<float> value) => Lanes128.Max(Vector128.MaxNative(value.GetLower(), value.GetUpper()));

    /// <summary>The sum of eight.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> value) => Lanes128.Sum(value.GetLower() + value.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Inside(Vector256<float> x, Vector256<float> low, Vector256<float> high) =>
        Vector256.GreaterThanOrEqual(x, low) & Vector256.LessThanOrEqual(x, high);
}
