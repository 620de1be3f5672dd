using System.Buffers;
using System.Text;

namespace Gemma3Server.Runtime.LlamaCpp;

/// <summary>
/// Cuts long texts where a cut cannot change the tokens: right after a user-defined literal that the tokenizer is certain to match. Matching
/// many literals in one text is quadratic in the library (it walks its list of fragments for each match); on parts it is linear.
/// </summary>
/// <remarks>
/// The library matches the longest literal (in bytes) first, everywhere, and each from left to right. So an occurrence is certain when none
/// that began before reaches into it, and none that begins inside it and reaches beyond its end is another literal of at least its length.
/// What lies wholly inside is shorter and comes too late. Nothing matched then spans its end, and both sides are matched apart. Immutable,
/// thread-safe.
/// </remarks>
internal sealed class LiteralScanner
{
    /// <summary>Texts up to this many characters go to the library whole; longer ones in parts of at least this many.</summary>
    internal const int PartLength = 8192;

    private readonly SearchValues<string>? _any;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bytes;

    /// <summary>The lengths that literals have, longest first, each with the most bytes of one.</summary>
    private readonly (int Length, int MostBytes)[] _lengths;

    public LiteralScanner(IReadOnlyCollection<string> literals)
    {
        var bytes = literals.Distinct(StringComparer.Ordinal).ToDictionary(literal => literal, Encoding.UTF8.GetByteCount, StringComparer.Ordinal);
        _bytes = bytes.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. bytes.GroupBy(literal => literal.Key.Length, literal => literal.Value).Select(group => (group.Key, group.Max())).OrderDescending()];
        if (bytes.Count > 0) _any = SearchValues.Create([.. bytes.Keys], StringComparison.Ordinal);
    }

    /// <summary>The parts of <paramref name="text"/>, in order and without gaps.</summary>
    public IEnumerable<Range> Cut(string text)
    {
        var from = 0;
        for (var next = PartLength; next < text.Length;)
        {
            var cut = FindCut(text.AsSpan(from), next - from);
            if (cut < 0) break;
            yield return from..(from + cut);
            from += cut;
            next = from + PartLength;
        }

        if (from < text.Length) yield return from..;
    }

    /// <summary>The end of the first certain occurrence that ends at or after <paramref name="least"/>, or -1. Occurrences are followed from the start, since one may reach into the next.</summary>
    private int FindCut(ReadOnlySpan<char> text, int least)
    {
        if (_any is null) return -1;
        var busyUntil = 0;
        for (var at = text.IndexOfAny(_any); at >= 0;)
        {
            var end = at + LongestAt(text[at..]);
            var isCertain = at >= busyUntil && !IsContested(text, at, end);
            if (isCertain && end >= least) return end < text.Length ? end : -1;
            busyUntil = Math.Max(busyUntil, end);

            // What begins inside a certain occurrence is never matched.
            var from = isCertain ? end : at + 1;
            var step = text[from..].IndexOfAny(_any);
            at = step < 0 ? -1 : from + step;
        }

        return -1;
    }

    /// <summary>Whether an occurrence that begins inside this one and reaches beyond it may be matched before it.</summary>
    private bool IsContested(ReadOnlySpan<char> text, int at, int end)
    {
        var literal = text[at..end];
        var bytes = _bytes[literal];
        for (var start = at + 1; start < end; start++)
        {
            foreach (var (length, mostBytes) in _lengths)
            {
                if (length <= end - start) break;
                if (mostBytes < bytes || length > text.Length - start) continue;
                var other = text.Slice(start, length);
                if (_bytes.TryGetValue(other, out var otherBytes) && otherBytes >= bytes && !other.SequenceEqual(literal)) return true;
            }
        }

        return false;
    }

    private int LongestAt(ReadOnlySpan<char> text)
    {
        foreach (var (length, _) in _lengths)
        {
            if (length <= text.Length && _bytes.ContainsKey(text[..length])) return length;
        }

        return 1;
    }
}
