using Gemma3Server.Engine.Structured.Tools;

namespace Gemma3Server.Chat.Tools;

/// <summary>
/// Recognizes the beginning of a call, up to its arguments, with what models put before it: white space, a code fence, the bracket of a list.
/// </summary>
internal sealed class CallHeader(ToolCallForm form, IReadOnlyCollection<string> names)
{
    /// <summary>Longest markup before a call: text is held back while it may be some.</summary>
    private const int MostMarkup = 64;

    private const string Fence = "```";

    /// <summary>How far a text is a header.</summary>
    internal enum Fit
    {
        /// <summary>It does not begin with one.</summary>
        None,

        /// <summary>It may become one.</summary>
        Begun,

        /// <summary>It begins with one.</summary>
        Whole,
    }

    /// <summary>Matches a text from its beginning.</summary>
    /// <param name="text">The text.</param>
    /// <param name="isFirst">Whether it is the first call of an answer; the other ones follow a comma where the form has one.</param>
    /// <param name="length">Length of a whole header; the arguments begin behind it.</param>
    /// <param name="name">The tool, as soon as it is known.</param>
    public Fit Match(ReadOnlySpan<char> text, bool isFirst, out int length, out string? name)
    {
        (length, name) = (0, null);
        var at = SkipMarkup(text);
        if (at > MostMarkup) return Fit.None;
        var scan = new Scan(text[at..]);
        var fit = form == ToolCallForm.Json ? MatchJson(ref scan, ref name) : MatchPythonic(ref scan, isFirst, ref name);
        length = at + scan.At;
        return fit;
    }

    private Fit MatchJson(ref Scan scan, ref string? name)
    {
        foreach (var part in (ReadOnlySpan<string>)["{", "\"name\"", ":", "\""])
            if (scan.Take(part) is not Fit.Whole and var begin) return begin;
        if (TakeName(ref scan, '"', ref name) is not Fit.Whole and var named) return named;
        foreach (var part in (ReadOnlySpan<string>)[",", "\"parameters\"", ":"])
            if (scan.Take(part) is not Fit.Whole and var end) return end;
        return scan.Before("{");
    }

    private Fit MatchPythonic(ref Scan scan, bool isFirst, ref string? name)
    {
        if (scan.Take(isFirst ? "[" : ",") is not Fit.Whole and var begin) return begin;
        scan.SkipBlanks();
        return TakeName(ref scan, '(', ref name);
    }

    private Fit TakeName(ref Scan scan, char end, ref string? name)
    {
        var rest = scan.Rest;
        var length = rest.IndexOf(end);
        if (length >= 0)
        {
            name = names.FirstOrDefault(Matches(rest[..length]));
            scan.At += length + 1;
            return name is null ? Fit.None : Fit.Whole;
        }

        foreach (var known in names)
            if (known.AsSpan().StartsWith(rest, StringComparison.Ordinal)) return Fit.Begun;
        return Fit.None;

        static Func<string, bool> Matches(ReadOnlySpan<char> found)
        {
            var text = found.ToString();
            return known => known == text;
        }
    }

    /// <summary>The length of white space, fences and, where a list is no part of the form, list brackets.</summary>
    private int SkipMarkup(ReadOnlySpan<char> text)
    {
        var at = 0;
        while (at < text.Length)
        {
            if (char.IsWhiteSpace(text[at]) || (text[at] == '[' && form == ToolCallForm.Json)) at++;
            else if (text[at] == '`' && SkipFence(text[at..]) is > 0 and var length) at += length;
            else break;
        }

        return at;
    }

    /// <summary>The length of a fence with its language; 0 when it is none.</summary>
    private static int SkipFence(ReadOnlySpan<char> text)
    {
        if (text.Length <= Fence.Length) return Fence.AsSpan().StartsWith(text, StringComparison.Ordinal) ? text.Length : 0;
        if (!text.StartsWith(Fence, StringComparison.Ordinal)) return 0;
        var at = Fence.Length;
        while (at < text.Length && (char.IsAsciiLetterLower(text[at]) || text[at] == '_')) at++;
        return at == text.Length || text[at] is '\n' or '\r' ? at : 0;
    }

    /// <summary>A place in a text that is read part by part, with white space between them.</summary>
    private ref struct Scan(ReadOnlySpan<char> text)
    {
        private readonly ReadOnlySpan<char> _text = text;

        public int At;

        public readonly ReadOnlySpan<char> Rest => _text[At..];

        public void SkipBlanks()
        {
            while (At < _text.Length && char.IsWhiteSpace(_text[At])) At++;
        }

        /// <summary>Goes behind a part.</summary>
        public Fit Take(string part)
        {
            var fit = Before(part);
            if (fit == Fit.Whole) At += part.Length;
            return fit;
        }

        /// <summary>Goes before a part.</summary>
        public Fit Before(string part)
        {
            SkipBlanks();
            var rest = Rest;
            if (rest.StartsWith(part, StringComparison.Ordinal)) return Fit.Whole;
            return part.AsSpan().StartsWith(rest, StringComparison.Ordinal) ? Fit.Begun : Fit.None;
        }
    }
}
