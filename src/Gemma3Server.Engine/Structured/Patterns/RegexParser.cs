using System.Globalization;

namespace Gemma3Server.Engine.Structured.Patterns;

/// <summary>Reads a regular expression in ECMAScript's syntax, as JSON Schema recommends, with all that a finite automaton can decide.</summary>
/// <remarks>
/// Not there: look-around, back references, word boundaries, Unicode properties, inline flags, and anchors elsewhere than at the ends of the
/// expression or of one of its alternatives. \d and \w are ASCII; a dot is anything but a line end.
/// </remarks>
internal sealed class RegexParser
{
    private const int MostCharacters = 4096;
    private const int MostDepth = 100;
    private const int MostRepetitions = 100_000;

    private static readonly CodePointSet Digits = CodePointSet.Range('0', '9');
    private static readonly CodePointSet Word = CodePointSet.Union([('0', '9'), ('A', 'Z'), ('a', 'z'), ('_', '_')]);
    private static readonly CodePointSet Space = CodePointSet.Union(
        [(9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)]);

    private static readonly CodePointSet NoLineEnd = CodePointSet.Union([('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)]).Not();

    private readonly PatternFactory _factory;
    private readonly int[] _text;
    private readonly string _source;
    private int _at;
    private int _depth;

    private RegexParser(PatternFactory factory, string source)
    {
        _factory = factory;
        _source = source;
        _text = [.. source.EnumerateRunes().Select(rune => rune.Value)];
    }

    /// <summary>The texts that match as a whole; anchors at the ends change nothing.</summary>
    public static Pattern Whole(PatternFactory factory, string source) => Unanchor(factory, Parse(factory, source), source, factory.Empty);

    /// <summary>The texts of which some part matches, as JSON Schema's <c>pattern</c> means it.</summary>
    public static Pattern Part(PatternFactory factory, string source) => Unanchor(factory, Parse(factory, source), source, factory.AnyText);

    private static Pattern Parse(PatternFactory factory, string source)
    {
        if (source.Length > MostCharacters)
            throw new GrammarException($"The regular expression has {source.Length} characters; at most {MostCharacters} are allowed.");
        var parser = new RegexParser(factory, source);
        var pattern = parser.Alternatives();
        return parser._at == parser._text.Length ? pattern : throw parser.Error("an unmatched ')'");
    }

    /// <summary>Puts <paramref name="open"/> to the ends of every alternative that has no anchor there.</summary>
    private static Pattern Unanchor(PatternFactory factory, Pattern pattern, string source, Pattern open)
    {
        var alternatives = pattern.Kind == PatternKind.Or ? pattern.Parts : [pattern];
        return factory.Or(Array.ConvertAll(alternatives, alternative =>
        {
            var parts = new List<Pattern>();
            for (; alternative.Kind == PatternKind.Sequence; alternative = alternative.Parts[1]) parts.Add(alternative.Parts[0]);
            parts.Add(alternative);
            var (first, end) = (0, parts.Count);
            while (first < end && parts[first] == factory.Start) first++;
            while (end > first && parts[end - 1] == factory.End) end--;
            var body = factory.Sequence([.. parts[first..end]]);
            if (body.HasAnchors)
            {
                throw new GrammarException(
                    $"The regular expression '{Excerpt(source)}' has ^ or $ inside; they are supported at the ends of it or of its alternatives.");
            }

            return factory.Sequence(first > 0 ? factory.Empty : open, body, end < parts.Count ? factory.Empty : open);
        }));
    }

    private Pattern Alternatives()
    {
        if (++_depth > MostDepth) throw Error($"groups nested deeper than {MostDepth}");
        var alternatives = new List<Pattern>();
        do alternatives.Add(Sequence());
        while (Take('|'));
        _depth--;
        return _factory.Or([.. alternatives]);
    }

    private Pattern Sequence()
    {
        var parts = new List<Pattern>();
        while (_at < _text.Length && _text[_at] is not '|' and not ')') parts.Add(Quantified());
        return _factory.Sequence([.. parts]);
    }

    private Pattern Quantified()
    {
        var atom = Atom();
        if (!TryQuantifier(out var min, out var max)) return atom;
        if (atom.HasAnchors) throw Error("a repeated anchor");
        Take('?'); // lazy: the same texts
        if (_at < _text.Length && (_text[_at] is '*' or '+' or '?' || IsCountedQuantifier())) throw Error("a quantifier behind a quantifier");
        return _factory.Repeat(atom, min, max);
    }

    private Pattern Atom()
    {
        var character = _text[_at++];
        switch (character)
        {
            case '^': return _factory.Start;
            case '$': return _factory.End;
            case '.': return _factory.Set(NoLineEnd);
            case '(': return Group();
            case '[': return _factory.Set(Class());
            case '\\': return _factory.Set(Escape(inClass: false));
            case '*' or '+' or '?': throw Error("a quantifier with nothing to repeat");
            default:
                _at--;
                if (IsCountedQuantifier()) throw Error("a quantifier with nothing to repeat");
                _at++;
                return _factory.Set(CodePointSet.Of(character));
        }
    }

    private Pattern Group()
    {
        if (Take('?'))
        {
            if (Take('<'))
            {
                if (_at < _text.Length && _text[_at] is '=' or '!') throw Error("look-behind, which is not supported");
                while (_at < _text.Length && _text[_at] != '>') _at++;
                if (!Take('>')) throw Error("a group name without '>'");
            }
            else if (!Take(':'))
            {
                throw Error(_at < _text.Length && _text[_at] is '=' or '!' ? "look-ahead, which is not supported" : "a kind of group that is not supported");
            }
        }

        var inner = Alternatives();
        return Take(')') ? inner : throw Error("a '(' without ')'");
    }

    private CodePointSet Class()
    {
        var negated = Take('^');
        var parts = new List<(int, int)>();
        while (true)
        {
            if (_at == _text.Length) throw Error("a '[' without ']'");
            if (Take(']')) break;
            var first = ClassPart();
            if (!IsOne(first) || _at + 1 >= _text.Length || _text[_at] != '-' || _text[_at + 1] == ']')
            {
                parts.AddRange(first.Ranges);
                continue;
            }

            _at++;
            var last = ClassPart();
            if (!IsOne(last) || last.First < first.First) throw Error("a range that is not one");
            parts.Add((first.First, last.First));
        }

        var set = CodePointSet.Union(parts);
        return negated ? set.Not() : set;
    }

    private CodePointSet ClassPart() => _text[_at++] is var character && character != '\\' ? CodePointSet.Of(character) : Escape(inClass: true);

    private static bool IsOne(CodePointSet set) => set.Ranges.Length == 1 && set.Ranges[0].First == set.Ranges[0].Last;

    private CodePointSet Escape(bool inClass)
    {
        if (_at == _text.Length) throw Error("a '\\' at its end");
        var character = _text[_at++];
        switch (character)
        {
            case 'd': return Digits;
            case 'D': return Digits.Not();
            case 'w': return Word;
            case 'W': return Word.Not();
            case 's': return Space;
            case 'S': return Space.Not();
            case 't': return CodePointSet.Of('\t');
            case 'n': return CodePointSet.Of('\n');
            case 'r': return CodePointSet.Of('\r');
            case 'f': return CodePointSet.Of('\f');
            case 'v': return CodePointSet.Of('\v');
            case '0' when _at == _text.Length || _text[_at] is < '0' or > '9': return CodePointSet.Of(0);
            case 'b' when inClass: return CodePointSet.Of('\b');
            case 'b' or 'B': throw Error("a word boundary, which is not supported");
            case 'p' or 'P': throw Error("a Unicode property, which is not supported");
            case 'k' or (>= '0' and <= '9'): throw Error("a back reference, which is not supported");
            case 'x': return CodePointSet.Of(Hex(2));
            case 'u': return CodePointSet.Of(UnicodeEscape());
            case 'c' when _at < _text.Length && _text[_at] is (>= 'A' and <= 'Z') or (>= 'a' and <= 'z'): return CodePointSet.Of(_text[_at++] & 31);
            case (>= 'A' and <= 'Z') or (>= 'a' and <= 'z'): throw Error($"the escape '\\{(char)character}', which is not supported");
            default: return CodePointSet.Of(character);
        }
    }

    private int UnicodeEscape()
    {
        if (Take('{'))
        {
            var end = Array.IndexOf(_text, '}', _at);
            if (end < 0 || end - _at is 0 or > 6) throw Error("a '\\u{' that is no character");
            var value = Hex(end - _at);
            _at++;
            return value <= 0x10FFFF ? value : throw Error("a '\\u{' that is no character");
        }

        var first = Hex(4);
        if (first is < 0xD800 or > 0xDFFF) return first;
        if (first < 0xDC00 && Take('\\') && Take('u') && Hex(4) is >= 0xDC00 and <= 0xDFFF and var second)
            return char.ConvertToUtf32((char)first, (char)second);
        throw Error("half of a surrogate pair");
    }

    private int Hex(int digits)
    {
        var value = 0;
        for (var i = 0; i < digits; i++)
        {
            if (_at == _text.Length || _text[_at] > 127 || !char.IsAsciiHexDigit((char)_text[_at])) throw Error("an escape without its hexadecimal digits");
            value = (value * 16) + int.Parse(((char)_text[_at++]).ToString(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        }

        return value;
    }

    private bool TryQuantifier(out int min, out int max)
    {
        (min, max) = (0, Pattern.Unbounded);
        if (_at == _text.Length) return false;
        switch (_text[_at])
        {
            case '*':
                _at++;
                return true;
            case '+':
                _at++;
                min = 1;
                return true;
            case '?':
                _at++;
                max = 1;
                return true;
            case '{' when IsCountedQuantifier():
                _at++;
                min = Number();
                max = !Take(',') ? min : _text[_at] == '}' ? Pattern.Unbounded : Number();
                _at++;
                return max >= min ? true : throw Error("a quantifier whose bounds are in the wrong order");
            default:
                return false;
        }
    }

    /// <summary>Whether a '{' begins a quantifier; otherwise it is a character like others.</summary>
    private bool IsCountedQuantifier()
    {
        if (_at == _text.Length || _text[_at] != '{') return false;
        var at = _at + 1;
        var start = at;
        while (at < _text.Length && _text[at] is >= '0' and <= '9') at++;
        if (at == start) return false;
        if (at < _text.Length && _text[at] == ',')
        {
            at++;
            while (at < _text.Length && _text[at] is >= '0' and <= '9') at++;
        }

        return at < _text.Length && _text[at] == '}';
    }

    private int Number()
    {
        long value = 0;
        while (_text[_at] is >= '0' and <= '9' and var digit)
        {
            _at++;
            value = Math.Min(int.MaxValue, (value * 10) + digit - '0');
        }

        return value <= MostRepetitions ? (int)value : throw Error($"more than {MostRepetitions} repetitions");
    }

    private bool Take(char character)
    {
        if (_at == _text.Length || _text[_at] != character) return false;
        _at++;
        return true;
    }

    private GrammarException Error(string what) => new($"The regular expression '{Excerpt(_source)}' has {what}, at character {_at}.");

    private static string Excerpt(string source) => source.Length <= 80 ? source : string.Concat(source.AsSpan(0, 77), "...");
}
