using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>The parts that JSON consists of, as networks.</summary>
/// <remarks>
/// White space is bounded: a space or nothing behind a colon; elsewhere between tokens nothing, a space, or a line end with an indentation.
/// </remarks>
internal sealed class JsonGrammar
{
    /// <summary>Widest indentation: ten levels of four spaces.</summary>
    private const int MostIndentation = 40;

    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly GrammarBuilder _builder;
    private readonly bool _pythonic;
    private readonly PatternLowering _raw;
    private readonly PatternLowering _inString;
    private readonly int _character;
    private readonly int _blank;
    private int _value = -1;
    private int _object = -1;

    /// <param name="builder">The builder.</param>
    /// <param name="factory">Makes patterns.</param>
    /// <param name="derivatives">Of its patterns.</param>
    /// <param name="pythonic">Whether <c>true</c>, <c>false</c> and <c>null</c> are written as in Python; all else is written alike.</param>
    /// <param name="cancellationToken">Ends the compilation.</param>
    public JsonGrammar(
        GrammarBuilder builder, PatternFactory factory, Derivatives derivatives, bool pythonic, CancellationToken cancellationToken)
    {
        _builder = builder;
        _pythonic = pythonic;
        _raw = new(builder, Utf8Encoding.Instance, derivatives, cancellationToken);
        _inString = new(builder, JsonStringEncoding.Instance, derivatives, cancellationToken);
        _character = builder.DeclareRule();
        builder.DefineRule(_character, JsonStringEncoding.Instance.Character(builder, CodePointSet.All, GrammarBuilder.Return));
        _blank = builder.DeclareRule();
        builder.DefineRule(_blank, builder.Bytes(ByteSet.Of(' ') | ByteSet.Of('\t'), GrammarBuilder.Return));
        Numbers = new(factory);
    }

    public NumberPatterns Numbers { get; }

    /// <summary>The JSON text of a string, without needless escapes.</summary>
    public static string Quote(string text) => JsonSerializer.Serialize(text, Relaxed);

    /// <summary>These characters.</summary>
    public int Text(string text, int next) => _builder.Literal(Encoding.UTF8.GetBytes(text), next);

    /// <summary>A literal of JSON that is no string: a number, or one of the three words.</summary>
    public int Word(string json, int next) => Text(
        !_pythonic ? json : json switch { "true" => "True", "false" => "False", "null" => "None", _ => json }, next);

    /// <summary>White space between two tokens.</summary>
    public int Space(int next) => next == GrammarBuilder.Dead ? next : _builder.Split(
        next, Text(" ", next), Text("\n", _builder.Repeat(_blank, 0, MostIndentation, next)));

    /// <summary>What is written by a pattern, outside of strings.</summary>
    public int Plain(Pattern pattern, int next) => _raw.Build(pattern, next);

    /// <summary>Any string of so many characters.</summary>
    public int String(int min, int max, int next) =>
        min > max ? GrammarBuilder.Dead : Text("\"", _builder.Repeat(_character, min, max, Text("\"", next)));

    /// <summary>A string whose value matches a pattern.</summary>
    public int String(Pattern pattern, int next) => Text("\"", _inString.Build(pattern, Text("\"", next)));

    /// <summary>The colon behind a key.</summary>
    public int Colon(int next) => Text(":", _builder.Split(Text(" ", next), next));

    /// <summary>The comma before a further key or item.</summary>
    public int Comma(int next) => Text(",", Space(next));

    /// <summary>An object or array with contents, which lead to <see cref="Close"/>, or without, when <paramref name="empty"/> is that.</summary>
    public int Open(char bracket, int contents, int empty) => Text(bracket.ToString(), _builder.Split(Space(contents), empty));

    /// <summary>The end of an object or array.</summary>
    public int Close(char bracket, int next) => Space(Text(bracket.ToString(), next));

    /// <summary>Exactly this value; white space as everywhere.</summary>
    public int Literal(JsonElement value, int next)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                return Text(Quote(value.GetString()!), next);
            case JsonValueKind.Object:
                var close = Close('}', next);
                var members = value.EnumerateObject().ToArray();
                var at = close;
                for (var i = members.Length - 1; i >= 0; i--)
                {
                    at = Text(Quote(members[i].Name), Colon(Literal(members[i].Value, at)));
                    if (i > 0) at = Comma(at);
                }

                return members.Length == 0 ? Open('{', GrammarBuilder.Dead, close) : Open('{', at, GrammarBuilder.Dead);
            case JsonValueKind.Array:
                close = Close(']', next);
                at = close;
                var items = value.EnumerateArray().ToArray();
                for (var i = items.Length - 1; i >= 0; i--)
                {
                    at = Literal(items[i], at);
                    if (i > 0) at = Comma(at);
                }

                return items.Length == 0 ? Open('[', GrammarBuilder.Dead, close) : Open('[', at, GrammarBuilder.Dead);
            default:
                return Word(value.GetRawText(), next);
        }
    }

    /// <summary>Any value.</summary>
    public int AnyValue(int next)
    {
        if (_value < 0)
        {
            _value = _builder.DeclareRule();
            _builder.DefineRule(_value, _builder.Split(
                AnyObject(GrammarBuilder.Return),
                Array(AnyValue(GrammarBuilder.Return), GrammarBuilder.Return),
                String(0, GrammarNode.Unbounded, GrammarBuilder.Return),
                Plain(Numbers.AnyNumber, GrammarBuilder.Return),
                Word("true", GrammarBuilder.Return),
                Word("false", GrammarBuilder.Return),
                Word("null", GrammarBuilder.Return)));
        }

        return _builder.Call(_value, next);
    }

    /// <summary>Any object.</summary>
    public int AnyObject(int next)
    {
        if (_object < 0)
        {
            _object = _builder.DeclareRule();
            var close = Close('}', GrammarBuilder.Return);
            var more = _builder.Reserve();
            var member = String(0, GrammarNode.Unbounded, Colon(AnyValue(more)));
            _builder.Define(more, Comma(member), close);
            _builder.DefineRule(_object, Open('{', member, close));
        }

        return _builder.Call(_object, next);
    }

    /// <summary>An array of any number of items; <paramref name="item"/> ends with the end of a rule.</summary>
    private int Array(int item, int next)
    {
        var rule = _builder.DeclareRule();
        _builder.DefineRule(rule, item);
        var close = Close(']', next);
        var more = _builder.Reserve();
        _builder.Define(more, Comma(_builder.Call(rule, more)), close);
        return Open('[', _builder.Call(rule, more), close);
    }
}
