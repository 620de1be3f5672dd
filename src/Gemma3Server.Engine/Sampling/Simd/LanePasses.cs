using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Sampling.Simd;

/// <summary>The passes, in vectors of one kind.</summary>
internal sealed class LanePasses<TLanes> : RowPasses
    where TLanes : struct, ILanes<TLanes>
{
    private const int Width = 16;

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override bool Maxima(LogitRow row, Span<float> maxima)
    {
        var total = TLanes.Of(0f);
        for (var block = 0; block < maxima.Length; block++)
        {
            maxima[block] = Max(ref row.Block(block), out var sum);
            total += sum;
        }

        return !float.IsNaN(TLanes.Sum(total));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override bool MaximaAndSums(LogitRow row, float scale, Span<float> maxima, Span<float> sums)
    {
        var total = TLanes.Of(0f);
        for (var block = 0; block < maxima.Length; block++)
        {
            ref var first = ref row.Block(block);
            var max = maxima[block] = Max(ref first, out var sum);
            total += sum;
            sums[block] = float.IsFinite(max) ? Sum(ref first, max, scale) : 0f;
        }

        return !float.IsNaN(TLanes.Sum(total));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Sums(LogitRow row, ReadOnlySpan<float> maxima, float low, float high, float scale, Span<float> sums)
    {
        low = Math.Max(low, float.MinValue); // without it blocks of nothing but negative infinity would be looked into
        for (var block = 0; block < maxima.Length; block++)
        {
            sums[block] = maxima[block] >= low ? Sum(ref row.Block(block), Math.Min(maxima[block], high), low, high, scale) : 0f;
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Moments(LogitRow row, ReadOnlySpan<float> maxima, Span<float> moments)
    {
        var (least, zero) = (TLanes.Of(Exponential<TLanes>.Least), TLanes.Of(0f));
        for (var block = 0; block < maxima.Length; block++)
        {
            moments[block] = 0f;
            if (!float.IsFinite(maxima[block])) continue;
            ref var first = ref row.Block(block);
            var (max, sum) = (TLanes.Of(maxima[block]), zero);
            for (var i = 0; i < LogitRow.BlockSize; i += Width)
            {
                var below = TLanes.Load(ref Unsafe.Add(ref first, i)) - max;
                // First made finite, for infinity times 0 is no number.
                var kept = TLanes.Max(least, below);
                sum += TLanes.KeepAtLeast(Exponential<TLanes>.Of(kept) * kept, below, least);
            }

            moments[block] = TLanes.Sum(sum);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int Collect(LogitRow row, ReadOnlySpan<float> maxima, float low, float high, Span<ulong> keys)
    {
        low = Math.Max(low, float.MinValue);
        var (lows, highs) = (TLanes.Of(low), TLanes.Of(high));
        var count = 0;
        for (var block = 0; block < maxima.Length; block++)
        {
            if (!(maxima[block] >= low)) continue;
            ref var first = ref row.Block(block);
            for (var i = 0; i < LogitRow.BlockSize; i += Width)
            {
                var bits = TLanes.Between(TLanes.Load(ref Unsafe.Add(ref first, i)), lows, highs);
                if (bits == 0) continue;
                if (count + BitOperations.PopCount(bits) > keys.Length) return -1;
                for (; bits != 0; bits &= bits - 1)
                {
                    var at = i + BitOperations.TrailingZeroCount(bits);
                    keys[count++] = LogitKey.Of(Unsafe.Add(ref first, at), (block * LogitRow.BlockSize) + at);
                }
            }
        }

        return count;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override int CountEqual(LogitRow row, ReadOnlySpan<float> maxima, float logit, int end)
    {
        var value = TLanes.Of(logit);
        var count = 0;
        for (var block = 0; block * LogitRow.BlockSize < end; block++)
        {
            if (!(maxima[block] >= logit)) continue;
            ref var first = ref row.Block(block);
            var limit = Math.Min(LogitRow.BlockSize, end - (block * LogitRow.BlockSize));
            for (var i = 0; i < limit; i += Width)
            {
                var bits = TLanes.Between(TLanes.Load(ref Unsafe.Add(ref first, i)), value, value);
                if (limit - i < Width) bits &= (1u << (limit - i)) - 1;
                count += BitOperations.PopCount(bits);
            }
        }

        return count;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override float MaxUpTo(LogitRow row, float high)
    {
        var (lows, highs) = (TLanes.Of(float.MinValue), TLanes.Of(high));
        var max = float.NegativeInfinity;
        for (var block = 0; block < row.Blocks; block++)
        {
            ref var first = ref row.Block(block);
            for (var i = 0; i < LogitRow.BlockSize; i += Width)
            {
                var bits = TLanes.Between(TLanes.Load(ref Unsafe.Add(ref first, i)), lows, highs);
                for (; bits != 0; bits &= bits - 1)
                {
                    max = Math.Max(max, Unsafe.Add(ref first, i + BitOperations.TrailingZeroCount(bits)));
                    lows = TLanes.Of(max);
                }
            }
        }

        return max;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Exp(Span<float> values)
    {
        var least = TLanes.Of(Exponential<TLanes>.Least);
        Span<float> rest = stackalloc float[Width];
        for (var i = 0; i < values.Length; i += Width)
        {
            // A last, incomplete vector goes through a whole one.
            var here = values.Length - i >= Width ? values.Slice(i, Width) : rest;
            if (values.Length - i < Width) values[i..].CopyTo(rest);
            var x = TLanes.Load(ref MemoryMarshal.GetReference(here));
            TLanes.KeepAtLeast(Exponential<TLanes>.Of(x), x, least).Store(ref MemoryMarshal.GetReference(here));
            if (values.Length - i < Width) rest[..(values.Length - i)].CopyTo(values[i..]);
        }
    }

    /// <summary>Also the sum of the lanes, which is NaN if any logit is (or there are infinities of both signs).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Max(ref float first, out TLanes sum)
    {
        var (max1, max2) = (TLanes.Load(ref first), TLanes.Load(ref Unsafe.Add(ref first, Width)));
        var (sum1, sum2) = (max1, max2);
        for (var i = 2 * Width; i < LogitRow.BlockSize; i += 2 * Width)
        {
            var (x1, x2) = (TLanes.Load(ref Unsafe.Add(ref first, i)), TLanes.Load(ref Unsafe.Add(ref first, i + Width)));
            max1 = TLanes.Max(max1, x1);
            max2 = TLanes.Max(max2, x2);
            sum1 += x1;
            sum2 += x2;
        }

        sum = sum1 + sum2;
        return TLanes.Max(TLanes.Max(max1, max2));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(ref float first, float max, float scale)
    {
        var (maxima, scales, least) = (TLanes.Of(max), TLanes.Of(scale), TLanes.Of(Exponential<TLanes>.Least));
        var sum = TLanes.Of(0f);
        for (var i = 0; i < LogitRow.BlockSize; i += Width)
        {
            var power = (TLanes.Load(ref Unsafe.Add(ref first, i)) - maxima) * scales;
            sum += TLanes.KeepAtLeast(Exponential<TLanes>.Of(power), power, least);
        }

        return TLanes.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Sum(ref float first, float reference, float low, float high, float scale)
    {
        var (references, scales, least) = (TLanes.Of(reference), TLanes.Of(scale), TLanes.Of(Exponential<TLanes>.Least));
        var (lows, highs, sum) = (TLanes.Of(low), TLanes.Of(high), TLanes.Of(0f));
        for (var i = 0; i < LogitRow.BlockSize; i += Width)
        {
            var x = TLanes.Load(ref Unsafe.Add(ref first, i));
            var power = (x - references) * scales;
            sum += TLanes.KeepBetween(TLanes.KeepAtLeast(Exponential<TLanes>.Of(power), power, least), x, lows, highs);
        }

        return TLanes.Sum(sum);
    }
}
