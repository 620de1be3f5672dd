namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>Numbers of a range, written with a fixed count of digits whose base is a power of two: UTF-8 and hexadecimal alike.</summary>
internal static class DigitRange
{
    /// <summary>Takes a digit from <paramref name="first"/> to <paramref name="last"/>, the number <paramref name="position"/> from the left.</summary>
    public delegate int Digit(int first, int last, int position, int next);

    /// <summary>Builds the network from its end; <paramref name="split"/> joins alternatives.</summary>
    public static int Build(int first, int last, int digits, int bits, int next, Digit digit, Func<int[], int> split) =>
        Build(first, last, digits, 0, bits, next, digit, split);

    private static int Build(int first, int last, int digits, int position, int bits, int next, Digit digit, Func<int[], int> split)
    {
        if (position == digits) return next;
        var shift = (digits - 1 - position) * bits;
        var mask = (1 << shift) - 1;
        var (low, high) = (first >> shift, last >> shift);
        if (low == high) return digit(low, high, position, Rest(first & mask, last & mask));

        // The first digit with its rest from below, the last one with its rest from above, and those between with any.
        var ways = new List<int>();
        var (from, to) = (low, high);
        if ((first & mask) != 0)
        {
            ways.Add(digit(low, low, position, Rest(first & mask, mask)));
            from++;
        }

        if ((last & mask) != mask)
        {
            ways.Add(digit(high, high, position, Rest(0, last & mask)));
            to--;
        }

        if (from <= to) ways.Add(digit(from, to, position, Rest(0, mask)));
        return split([.. ways]);

        int Rest(int low, int high) => Build(low, high, digits, position + 1, bits, next, digit, split);
    }
}
