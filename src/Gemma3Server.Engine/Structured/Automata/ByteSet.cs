using System.Numerics;

namespace Gemma3Server.Engine.Structured.Automata;

/// <summary>A set of bytes, or of byte classes.</summary>
internal readonly record struct ByteSet(ulong A, ulong B, ulong C, ulong D)
{
    public bool IsEmpty => (A | B | C | D) == 0;

    public int Count => BitOperations.PopCount(A) + BitOperations.PopCount(B) + BitOperations.PopCount(C) + BitOperations.PopCount(D);

    /// <summary>The least member of a set that is not empty.</summary>
    public int First =>
        A != 0 ? BitOperations.TrailingZeroCount(A)
        : B != 0 ? 64 + BitOperations.TrailingZeroCount(B)
        : C != 0 ? 128 + BitOperations.TrailingZeroCount(C)
        : 192 + BitOperations.TrailingZeroCount(D);

    public static ByteSet Of(int value) => Range(value, value);

    public static ByteSet Range(int first, int last)
    {
        return new(Word(0), Word(64), Word(128), Word(192));

        ulong Word(int start)
        {
            var (low, high) = (Math.Max(first, start) - start, Math.Min(last, start + 63) - start);
            return low > high ? 0 : (ulong.MaxValue >> (63 - high)) & (ulong.MaxValue << low);
        }
    }

    public bool Contains(int value)
    {
        var word = (value >> 6) switch { 0 => A, 1 => B, 2 => C, _ => D };
        return ((word >> (value & 63)) & 1) != 0;
    }

    public static ByteSet operator |(ByteSet left, ByteSet right) =>
        new(left.A | right.A, left.B | right.B, left.C | right.C, left.D | right.D);

    public static ByteSet operator &(ByteSet left, ByteSet right) =>
        new(left.A & right.A, left.B & right.B, left.C & right.C, left.D & right.D);

    public static ByteSet operator ~(ByteSet set) => new(~set.A, ~set.B, ~set.C, ~set.D);
}
