using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gemma3Server.Engine.Sampling.Simd;

/// <summary>Sixteen floats in four registers (SSE, NEON); where there are none either, .NET computes lane by lane.</summary>
internal readonly struct Lanes128(Vector128<float> a, Vector128<float> b, Vector128<float> c, Vector128<float> d) : ILanes<Lanes128>
{
    private readonly Vector128<float> _a = a;
    private readonly Vector128<float> _b = b;
    private readonly Vector128<float> _c = c;
    private readonly Vector128<float> _d = d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(ref float first) => new(
        Vector128.LoadUnsafe(ref first), Vector128.LoadUnsafe(ref first, 4), Vector128.LoadUnsafe(ref first, 8), Vector128.LoadUnsafe(ref first, 12));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Of(float value)
    {
        var all = Vector128.Create(value);
        return new(all, all, all, all);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float first)
    {
        _a.StoreUnsafe(ref first);
        _b.StoreUnsafe(ref first, 4);
        _c.StoreUnsafe(ref first, 8);
        _d.StoreUnsafe(ref first, 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator +(Lanes128 left, Lanes128 right) =>
        new(left._a + right._a, left._b + right._b, left._c + right._c, left._d + right._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator -(Lanes128 left, Lanes128 right) =>
        new(left._a - right._a, left._b - right._b, left._c - right._c, left._d - right._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 operator *(Lanes128 left, Lanes128 right) =>
        new(left._a * right._a, left._b * right._b, left._c * right._c, left._d * right._d);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 MultiplyAdd(Lanes128 left, Lanes128 right, Lanes128 addend) => new(
        Vector128.MultiplyAddEstimate(left._a, right._a, addend._a), Vector128.MultiplyAddEstimate(left._b, right._b, addend._b),
        Vector128.MultiplyAddEstimate(left._c, right._c, addend._c), Vector128.MultiplyAddEstimate(left._d, right._d, addend._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 left, Lanes128 right) => new(
        Vector128.MaxNative(left._a, right._a), Vector128.MaxNative(left._b, right._b),
        Vector128.MaxNative(left._c, right._c), Vector128.MaxNative(left._d, right._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddExponent(Lanes128 value, Lanes128 exponent) => new(
        AddExponent(value._a, exponent._a), AddExponent(value._b, exponent._b),
        AddExponent(value._c, exponent._c), AddExponent(value._d, exponent._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 KeepAtLeast(Lanes128 value, Lanes128 x, Lanes128 low) => new(
        value._a & Vector128.GreaterThanOrEqual(x._a, low._a), value._b & Vector128.GreaterThanOrEqual(x._b, low._b),
        value._c & Vector128.GreaterThanOrEqual(x._c, low._c), value._d & Vector128.GreaterThanOrEqual(x._d, low._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 KeepBetween(Lanes128 value, Lanes128 x, Lanes128 low, Lanes128 high) => new(
        value._a & Inside(x._a, low._a, high._a), value._b & Inside(x._b, low._b, high._b),
        value._c & Inside(x._c, low._c, high._c), value._d & Inside(x._d, low._d, high._d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Between(Lanes128 x, Lanes128 low, Lanes128 high) =>
        Inside(x._a, low._a, high._a).ExtractMostSignificantBits()
        | (Inside(x._b, low._b, high._b).ExtractMostSignificantBits() << 4)
        | (Inside(x._c, low._c, high._c).ExtractMostSignificantBits() << 8)
        | (Inside(x._d, low._d, high._d).ExtractMostSignificantBits() << 12);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes128 value) =>
        Max(Vector128.MaxNative(Vector128.MaxNative(value._a, value._c), Vector128.MaxNative(value._b, value._d)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 value) => Sum((value._a + value._c) + (value._b + value._d));

    /// <summary>The largest of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector128<float> value)
    {
        value = Vector128.MaxNative(value, Vector128.Shuffle(value, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(value, Vector128.Shuffle(value, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    /// <summary>The sum of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> value)
    {
        value += Vector128.Shuffle(value, Vector128.Create(2, 3, 0, 1));
        return (value + Vector128.Shuffle(value, Vector128.Create(1, 0, 3, 2))).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> AddExponent(Vector128<float> value, Vector128<float> exponent) =>
        (value.AsInt32() + (exponent.AsInt32() << 23)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Inside(Vector128<float> x, Vector128<float> low, Vector128<float> high) =>
        Vector128.GreaterThanOrEqual(x, low) & Vector128.LessThanOrEqual(x, high);
}
