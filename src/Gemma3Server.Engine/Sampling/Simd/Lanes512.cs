using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gemma3Server.Engine.Sampling.Simd;

/// <summary>Sixteen floats in one register (AVX-512).</summary>
internal readonly struct Lanes512(Vector512<float> value) : ILanes<Lanes512>
{
    private readonly Vector512<float> _value = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(ref float first) => new(Vector512.LoadUnsafe(ref first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Of(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(ref float first) => _value.StoreUnsafe(ref first);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator +(Lanes512 left, Lanes512 right) => new(left._value + right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator -(Lanes512 left, Lanes512 right) => new(left._value - right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 operator *(Lanes512 left, Lanes512 right) => new(left._value * right._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 MultiplyAdd(Lanes512 left, Lanes512 right, Lanes512 addend) =>
        new(Vector512.MultiplyAddEstimate(left._value, right._value, addend._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 left, Lanes512 right) => new(Vector512.MaxNative(left._value, right._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddExponent(Lanes512 value, Lanes512 exponent) =>
        new((value._value.AsInt32() + (exponent._value.AsInt32() << 23)).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 KeepAtLeast(Lanes512 value, Lanes512 x, Lanes512 low) =>
        new(value._value & Vector512.GreaterThanOrEqual(x._value, low._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 KeepBetween(Lanes512 value, Lanes512 x, Lanes512 low, Lanes512 high) =>
        new(value._value & Inside(x, low, high));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Between(Lanes512 x, Lanes512 low, Lanes512 high) => (uint)Inside(x, low, high).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Lanes512 value) =>
        Lanes256.Max(Vector256.MaxNative(value._value.GetLower(), value._value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 value) => Lanes256.Sum(value._value.GetLower() + value._value.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Inside(Lanes512 x, Lanes512 low, Lanes512 high) =>
        Vector512.GreaterThanOrEqual(x._value, low._value) & Vector512.LessThanOrEqual(x._value, high._value);
}
