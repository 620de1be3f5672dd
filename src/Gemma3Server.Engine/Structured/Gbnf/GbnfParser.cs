using System.Globalization;
using System.Text;
using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Gbnf;

/// <summary>Reads llama.cpp's grammar language (GBNF); token references, written with angle brackets, are refused.</summary>
internal sealed class GbnfParser
{
    private const int MostCharacters = 256 * 1024;
    private const int MostDepth = 100;
    private const int MostRules = 10_000;
    private const int MostRepetitions = 1_000_000;

    private readonly GrammarBuilder _builder;
    private readonly PatternFactory _factory = new();
    private readonly Dictionary<string, int> _rules = [];
    private readonly Dictionary<string, Pattern> _bodies = [];
    private readonly string _text;
    private int _at;

    private GbnfParser(GrammarBuilder builder, string text) => (_builder, _text) = (builder, text);

    /// <summary>The rule <c>root</c> of a grammar.</summary>
    public static int Build(GrammarBuilder builder, string text, CancellationToken cancellationToken)
    {
        if (text.Length > MostCharacters) throw new GrammarException($"The grammar has {text.Length} characters; at most {MostCharacters} are allowed.");
        var parser = new GbnfParser(builder, text);
        parser.ReadRules(cancellationToken);
        foreach (var name in parser._rules.Keys)
        {
            if (!parser._bodies.ContainsKey(name)) throw new GrammarException($"The grammar uses the rule '{name}', which it does not define.");
        }

        if (!parser._rules.TryGetValue("root", out var root)) throw new GrammarException("The grammar has no rule 'root'.");
        var lowering = new PatternLowering(builder, Utf8Encoding.Instance, new(parser._factory), cancellationToken);
        foreach (var (name, body) in parser._bodies) builder.DefineRule(parser._rules[name], lowering.Build(body, GrammarBuilder.Return));
        return root;
    }

    private void ReadRules(CancellationToken cancellationToken)
    {
        Skip(newLines: true);
        while (_at < _text.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = Name();
            Skip(newLines: false);
            if (!_text.AsSpan(_at).StartsWith("::=")) throw Error("'::=' is expected");
            _at += 3;
            Skip(newLines: true);
            var rule = RuleOf(name);
            if (!_bodies.TryAdd(name, Alternatives(depth: 0))) throw new GrammarException($"The grammar defines the rule '{name}' twice.");
            _ = rule;
            if (_at < _text.Length && _text[_at] is not '\n' and not '\r') throw Error("the end of the rule is expected");
            Skip(newLines: true);
        }
    }

    private Pattern Alternatives(int depth)
    {
        if (depth > MostDepth) throw Error($"groups are nested deeper than {MostDepth}");
        var alternatives = new List<Pattern> { Sequence(depth) };
        while (_at < _text.Length && _text[_at] == '|')
        {
            _at++;
            Skip(newLines: true);
            alternatives.Add(Sequence(depth));
        }

        return _factory.Or([.. alternatives]);
    }

    private Pattern Sequence(int depth)
    {
        var parts = new List<Pattern>();
        while (_at < _text.Length)
        {
            var character = _text[_at];
            Pattern part;
            if (character == '"') part = Literal();
            else if (character == '[') part = _factory.Set(Class());
            else if (character == '.') part = Any();
            else if (character == '(') part = Group(depth);
            else if (IsNameCharacter(character)) part = _factory.Rule(RuleOf(Name()));
            else if (character is '*' or '+' or '?' or '{') throw Error("there is nothing to repeat");
            else if (character is '<' or '!') throw Error("token references are not supported");
            else break;
            Skip(newLines: depth > 0);
            parts.Add(Repeated(part, depth));
        }

        return _factory.Sequence([.. parts]);
    }

    private Pattern Any()
    {
        _at++;
        return _factory.AnyCharacter;
    }

    private Pattern Group(int depth)
    {
        _at++;
        Skip(newLines: true);
        var inner = Alternatives(depth + 1);
        if (_at == _text.Length || _text[_at] != ')') throw Error("')' is expected");
        _at++;
        return inner;
    }

    private Pattern Repeated(Pattern part, int depth)
    {
        while (_at < _text.Length)
        {
            var (min, max) = (0, Pattern.Unbounded);
            switch (_text[_at])
            {
                case '*': break;
                case '+': min = 1; break;
                case '?': max = 1; break;
                case '{': (min, max) = Bounds(); break;
                default: return part;
            }

            _at++;
            Skip(newLines: depth > 0);
            part = part.Kind == PatternKind.Rule && (min, max) == (1, 1) ? part : _factory.Repeat(part, min, max);
        }

        return part;
    }

    private (int Min, int Max) Bounds()
    {
        _at++;
        Skip(newLines: false);
        var min = Number();
        Skip(newLines: false);
        var max = min;
        if (_at < _text.Length && _text[_at] == ',')
        {
            _at++;
            Skip(newLines: false);
            max = _at < _text.Length && _text[_at] == '}' ? Pattern.Unbounded : Number();
            Skip(newLines: false);
        }

        if (_at == _text.Length || _text[_at] != '}') throw Error("'}' is expected");
        return max >= min ? (min, max) : throw Error("the bounds of a repetition are in the wrong order");
    }

    private int Number()
    {
        long value = 0;
        var start = _at;
        for (; _at < _text.Length && char.IsAsciiDigit(_text[_at]); _at++) value = Math.Min(int.MaxValue, (value * 10) + _text[_at] - '0');
        if (start == _at) throw Error("a number is expected");
        return value <= MostRepetitions ? (int)value : throw Error($"more than {MostRepetitions} repetitions are not allowed");
    }

    private Pattern Literal()
    {
        _at++;
        var parts = new List<Pattern>();
        while (true)
        {
            if (_at == _text.Length) throw Error("'\"' is expected");
            if (_text[_at] == '"') break;
            parts.Add(_factory.Set(CodePointSet.Of(Character())));
        }

        _at++;
        return _factory.Sequence([.. parts]);
    }

    private CodePointSet Class()
    {
        _at++;
        var negated = _at < _text.Length && _text[_at] == '^';
        if (negated) _at++;
        var ranges = new List<(int, int)>();
        while (true)
        {
            if (_at == _text.Length) throw Error("']' is expected");
            if (_text[_at] == ']') break;
            var first = Character();
            var last = first;
            if (_at + 1 < _text.Length && _text[_at] == '-' && _text[_at + 1] != ']')
            {
                _at++;
                last = Character();
                if (last < first) throw Error("a range goes backwards");
            }

            ranges.Add((first, last));
        }

        _at++;
        var set = CodePointSet.Union(ranges);
        return negated ? set.Not() : set;
    }

    private int Character()
    {
        if (_text[_at] != '\\')
        {
            if (Rune.DecodeFromUtf16(_text.AsSpan(_at), out var rune, out var length) != System.Buffers.OperationStatus.Done) throw Error("half of a character");
            _at += length;
            return rune.Value;
        }

        _at++;
        if (_at == _text.Length) throw Error("an escape is expected");
        return _text[_at++] switch
        {
            'x' => Hex(2),
            'u' => Hex(4),
            'U' => Hex(8),
            't' => '\t',
            'r' => '\r',
            'n' => '\n',
            var same when same is '\\' or '"' or '[' or ']' or '-' or '^' => same,
            _ => throw Error("an unknown escape"),
        };
    }

    private int Hex(int digits)
    {
        var valid = _at + digits <= _text.Length
            & int.TryParse(_text.AsSpan(_at, Math.Min(digits, _text.Length - _at)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value);
        if (!valid || !Rune.IsValid(value)) throw Error($"{digits} hexadecimal digits of a character are expected");
        _at += digits;
        return value;
    }

    private string Name()
    {
        var start = _at;
        while (_at < _text.Length && IsNameCharacter(_text[_at])) _at++;
        return _at > start ? _text[start.._at] : throw Error("a rule name is expected");
    }

    private int RuleOf(string name)
    {
        if (_rules.TryGetValue(name, out var rule)) return rule;
        if (_rules.Count == MostRules) throw new GrammarException($"The grammar has more than {MostRules} rules.");
        return _rules[name] = _builder.DeclareRule(name);
    }

    /// <summary>Skips blanks and comments, and line ends where a rule may go on behind them.</summary>
    private void Skip(bool newLines)
    {
        while (_at < _text.Length)
        {
            var character = _text[_at];
            if (character == '#')
            {
                while (_at < _text.Length && _text[_at] is not '\n' and not '\r') _at++;
            }
            else if (character is ' ' or '\t' || (newLines && character is '\n' or '\r'))
            {
                _at++;
            }
            else
            {
                return;
            }
        }
    }

    private static bool IsNameCharacter(char character) => char.IsAsciiLetterOrDigit(character) || character is '-' or '_';

    private GrammarException Error(string expected)
    {
        var before = _text.AsSpan(0, Math.Min(_at, _text.Length));
        var line = before.Count('\n') + 1;
        return new($"The grammar is not valid at line {line}, column {before.Length - before.LastIndexOf('\n')}: {expected}.");
    }
}
