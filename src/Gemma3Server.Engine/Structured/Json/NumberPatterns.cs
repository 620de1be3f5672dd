using System.Globalization;
using System.Numerics;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>Numbers of a range as patterns over their digits. Every number is bounded, so that no model can write digits for ever.</summary>
internal sealed class NumberPatterns
{
    /// <summary>Digits of an integer whose range does not ask for more: as many as every 64-bit integer has.</summary>
    private const int IntegerDigits = 18;

    /// <summary>Digits behind the point: more than a double tells apart.</summary>
    private const int FractionDigits = 16;

    private readonly PatternFactory _factory;
    private readonly Pattern _digit;
    private readonly Pattern _anyFraction;

    public NumberPatterns(PatternFactory factory)
    {
        _factory = factory;
        _digit = Digits('0', '9');
        _anyFraction = Optional(Sequence(Text("."), Repeat(_digit, 1, FractionDigits)));
        AnyInteger = Sequence(Optional(Text("-")), Or(Text("0"), Sequence(Digits('1', '9'), Repeat(_digit, 0, IntegerDigits - 1))));
        var exponent = Sequence(_factory.Set(CodePointSet.Union([('e', 'e'), ('E', 'E')])),
            Optional(_factory.Set(CodePointSet.Union([('+', '+'), ('-', '-')]))), Repeat(_digit, 1, 2));
        AnyNumber = Sequence(AnyInteger, _anyFraction, Optional(exponent));
    }

    /// <summary>An integer of at most 18 digits.</summary>
    public Pattern AnyInteger { get; }

    /// <summary>A number of at most 18 digits, a point and 16 more, and an exponent of two.</summary>
    public Pattern AnyNumber { get; }

    /// <summary>The integers of a range, open where a bound is null.</summary>
    public Pattern Integers(decimal? minimum, bool excludesMinimum, decimal? maximum, bool excludesMaximum)
    {
        BigInteger? low = minimum is { } min ? (BigInteger)decimal.Ceiling(min) : null;
        BigInteger? high = maximum is { } max ? (BigInteger)decimal.Floor(max) : null;
        if (excludesMinimum && minimum == decimal.Ceiling(minimum!.Value)) low++;
        if (excludesMaximum && maximum == decimal.Floor(maximum!.Value)) high--;
        var zero = BigInteger.Zero;
        var positive = high < zero ? _factory.Nothing : Natural(low is { } l ? BigInteger.Max(l, zero) : zero, high);
        var negative = low >= zero
            ? _factory.Nothing
            : Sequence(Text("-"), Natural(high is { } h ? BigInteger.Max(-h, BigInteger.One) : BigInteger.One, low is { } least ? -least : null));
        return Or(positive, negative);
    }

    /// <summary>The numbers of a range, open where a bound is null; without exponents.</summary>
    public Pattern Numbers(decimal? minimum, bool excludesMinimum, decimal? maximum, bool excludesMaximum)
    {
        if (minimum is null && maximum is null) return AnyNumber;
        var positive = maximum < 0 ? _factory.Nothing
            : minimum > 0 ? Positive(minimum.Value, excludesMinimum, maximum, excludesMaximum)
            : Positive(0, minimum == 0 && excludesMinimum, maximum, excludesMaximum);
        var negative = minimum >= 0 ? _factory.Nothing
            : maximum < 0 ? Sequence(Text("-"), Positive(-maximum.Value, excludesMaximum, -minimum, excludesMinimum))
            : Sequence(Text("-"), Positive(0, true, -minimum, excludesMinimum));
        return Or(positive, negative);
    }

    private Pattern Positive(decimal low, bool excludesLow, decimal? high, bool excludesHigh)
    {
        var (lowWhole, lowFraction) = Parts(low);
        if (high is not { } bound)
        {
            return Or(
                Sequence(Text(lowWhole.ToString(CultureInfo.InvariantCulture)), AtLeast(lowFraction, excludesLow)),
                Sequence(Natural(lowWhole + 1, null), _anyFraction));
        }

        if (bound < low) return _factory.Nothing;
        var (highWhole, highFraction) = Parts(bound);
        if (lowWhole == highWhole)
        {
            return Sequence(
                Text(lowWhole.ToString(CultureInfo.InvariantCulture)),
                _factory.And(AtLeast(lowFraction, excludesLow), AtMost(highFraction, excludesHigh)));
        }

        return Or(
            Sequence(Text(lowWhole.ToString(CultureInfo.InvariantCulture)), AtLeast(lowFraction, excludesLow)),
            Sequence(Natural(lowWhole + 1, highWhole - 1), _anyFraction),
            Sequence(Text(highWhole.ToString(CultureInfo.InvariantCulture)), AtMost(highFraction, excludesHigh)));
    }

    /// <summary>A point and digits that are at least (more than) this fraction, or nothing when that is enough.</summary>
    private Pattern AtLeast(string fraction, bool more)
    {
        if (fraction.Length == 0 && !more) return _anyFraction;
        var rest = more
            ? Sequence(Repeat(Text("0"), 0, FractionDigits - 1), Digits('1', '9'), Repeat(_digit, 0, FractionDigits - 1))
            : Repeat(_digit, 0, FractionDigits);
        for (var i = fraction.Length - 1; i >= 0; i--)
        {
            var same = Sequence(Text(fraction[i].ToString()), rest);
            rest = fraction[i] == '9' ? same : Or(same, Sequence(Digits((char)(fraction[i] + 1), '9'), Repeat(_digit, 0, FractionDigits - 1)));
        }

        return Sequence(Text("."), rest);
    }

    /// <summary>Nothing, or a point and digits that are at most (less than) this fraction.</summary>
    private Pattern AtMost(string fraction, bool less)
    {
        if (fraction.Length == 0) return less ? _factory.Nothing : Optional(Sequence(Text("."), Repeat(Text("0"), 1, FractionDigits)));
        var rest = less ? _factory.Nothing : Repeat(Text("0"), 0, FractionDigits);
        for (var i = fraction.Length - 1; i >= 0; i--)
        {
            var same = Sequence(Text(fraction[i].ToString()), rest);
            rest = fraction[i] == '0' ? same : Or(same, Sequence(Digits('0', (char)(fraction[i] - 1)), Repeat(_digit, 0, FractionDigits - 1)));
            if (i > 0) rest = Or(rest, _factory.Empty); // shorter is less
        }

        return Optional(Sequence(Text("."), rest));
    }

    /// <summary>The integers from <paramref name="low"/>, at least 0, to <paramref name="high"/>, or to as many digits as are allowed.</summary>
    private Pattern Natural(BigInteger low, BigInteger? high)
    {
        var from = low.ToString(CultureInfo.InvariantCulture);
        var to = high?.ToString(CultureInfo.InvariantCulture) ?? new string('9', Math.Max(IntegerDigits, from.Length));
        if (high < low) return _factory.Nothing;
        if (from.Length == to.Length) return Between(from, to);
        var ways = new List<Pattern>
        {
            Between(from, new string('9', from.Length)),
            Between("1" + new string('0', to.Length - 1), to),
        };
        if (to.Length - from.Length > 1) ways.Add(Sequence(Digits('1', '9'), Repeat(_digit, from.Length, to.Length - 2)));
        return Or([.. ways]);
    }

    /// <summary>The numbers with as many digits as both bounds have.</summary>
    private Pattern Between(string low, string high)
    {
        if (low.Length == 0) return _factory.Empty;
        if (low[0] == high[0]) return Sequence(Text(low[..1]), Between(low[1..], high[1..]));
        var nines = new string('9', low.Length - 1);
        var zeros = new string('0', low.Length - 1);
        var ways = new List<Pattern>();
        var (from, to) = (low[0], high[0]);
        if (low[1..] != zeros) ways.Add(Sequence(Text(from++.ToString()), Between(low[1..], nines)));
        if (high[1..] != nines) ways.Add(Sequence(Text(to--.ToString()), Between(zeros, high[1..])));
        if (from <= to) ways.Add(Sequence(Digits(from, to), Repeat(_digit, zeros.Length, zeros.Length)));
        return Or([.. ways]);
    }

    private static (BigInteger Whole, string Fraction) Parts(decimal value)
    {
        var whole = decimal.Truncate(value);
        var fraction = (value - whole).ToString(CultureInfo.InvariantCulture);
        return ((BigInteger)whole, fraction.Length > 2 ? fraction[2..].TrimEnd('0') : "");
    }

    private Pattern Text(string text) => _factory.Literal(text);

    private Pattern Digits(char first, char last) => _factory.Set(CodePointSet.Range(first, last));

    private Pattern Sequence(params ReadOnlySpan<Pattern> parts) => _factory.Sequence(parts);

    private Pattern Or(params ReadOnlySpan<Pattern> parts) => _factory.Or(parts);

    private Pattern Repeat(Pattern part, int min, int max) => _factory.Repeat(part, min, max);

    private Pattern Optional(Pattern part) => _factory.Repeat(part, 0, 1);
}
