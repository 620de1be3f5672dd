using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Selection among keys (<see cref="LogitKey"/>) without sorting all of them.</summary>
internal static class KeySelection
{
    /// <summary>Below this a sort is as fast as another partition.</summary>
    private const int SortBelow = 64;

    /// <summary>Reorders so that the <paramref name="count"/> largest keys come first, in any order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Largest(Span<ulong> keys, int count)
    {
        while (count > 0 && count < keys.Length)
        {
            if (keys.Length <= SortBelow)
            {
                SortDescending(keys);
                return;
            }

            var split = Partition(keys);
            if (split >= count)
            {
                keys = keys[..split];
            }
            else
            {
                keys = keys[split..];
                count -= split;
            }
        }
    }

    /// <summary>
    /// Reorders so that the smallest set of largest keys whose weights reach <paramref name="target"/> comes first, and returns its size;
    /// all keys when they do not reach it. The weight of a key is exp(logit - <paramref name="max"/>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int LargestByWeight(Span<ulong> keys, float max, double target)
    {
        var before = 0;
        var reached = 0.0;
        while (keys.Length > SortBelow)
        {
            var split = Partition(keys);
            var upper = 0.0;
            foreach (var key in keys[..split]) upper += Weight(key, max);
            if (reached + upper >= target)
            {
                keys = keys[..split];
            }
            else
            {
                reached += upper;
                before += split;
                keys = keys[split..];
            }
        }

        SortDescending(keys);
        foreach (var key in keys)
        {
            before++;
            reached += Weight(key, max);
            if (reached >= target) break;
        }

        return before;
    }

    /// <summary>Sorts the largest key first.</summary>
    public static void SortDescending(Span<ulong> keys)
    {
        keys.Sort();
        keys.Reverse();
    }

    /// <summary>exp(logit - max).</summary>
    public static double Weight(ulong key, float max) => Math.Exp((double)LogitKey.Logit(key) - max);

    /// <summary>Splits into larger keys and the rest; neither side is empty. Keys are distinct, for each holds its token id.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Partition(Span<ulong> keys)
    {
        // The median of three is neither the largest nor the smallest, so both sides get at least one key.
        ulong a = keys[0], b = keys[keys.Length / 2], c = keys[^1];
        var pivot = Math.Max(Math.Min(a, b), Math.Min(Math.Max(a, b), c));
        int low = 0, high = keys.Length - 1;
        while (true)
        {
            while (keys[low] > pivot) low++;
            while (keys[high] < pivot) high--;
            if (low >= high) return low;
            (keys[low], keys[high]) = (keys[high], keys[low]);
            low++;
            high--;
        }
    }
}
