using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>Builds the network of a JSON Schema.</summary>
/// <remarks>
/// <para>Every text it allows is valid; not every valid text is allowed. Properties come in the schema's order, those that are required
/// but not described behind them, then additional ones, which there are only where the schema asks for them, or describes no property. A schema
/// without a type has those its keywords speak of. Keys that match several patterns are left out.</para>
/// <para>References and merged schemas become rules, made one after the other; so recursion in a schema is none here.</para>
/// </remarks>
internal sealed class JsonSchemaCompiler
{
    /// <summary>Bytes of a schema: a schema of 200 described fields has 30 kB.</summary>
    private const int MostBytes = 1 << 20;

    private const int MostDepth = 128;
    private const int MostRules = 20_000;

    /// <summary>References that may lead to further ones before it counts as a circle.</summary>
    private const int MostHops = 100;

    private readonly GrammarBuilder _builder;
    private readonly PatternFactory _factory = new();
    private readonly Derivatives _derivatives;
    private readonly SchemaReader _reader;
    private readonly SchemaMerge _merge;
    private readonly JsonGrammar _json;
    private readonly ObjectSchema _objects;
    private readonly Dictionary<string, int> _rules = [];
    private readonly Queue<(int Rule, SchemaNode Schema)> _undefined = new();
    private readonly CancellationToken _cancellationToken;

    private JsonSchemaCompiler(GrammarBuilder builder, JsonElement root, bool pythonic, CancellationToken cancellationToken)
    {
        _builder = builder;
        _cancellationToken = cancellationToken;
        _derivatives = new(_factory);
        _reader = new(root, _factory);
        _merge = new(_factory, _derivatives);
        _json = new(builder, _factory, _derivatives, pythonic, cancellationToken);
        _objects = new(builder, _json, _factory, _merge, Value);
    }

    /// <summary>The rule of a schema's values.</summary>
    public static int Build(GrammarBuilder builder, string schema, CancellationToken cancellationToken) =>
        Build(builder, schema, pythonic: false, cancellationToken);

    /// <summary>The rule of the objects that satisfy a schema, written as the keyword arguments of a Python call, up to its closing parenthesis.</summary>
    public static int BuildKeywords(GrammarBuilder builder, string schema, CancellationToken cancellationToken) =>
        Build(builder, schema, pythonic: true, cancellationToken);

    private static int Build(GrammarBuilder builder, string schema, bool pythonic, CancellationToken cancellationToken)
    {
        if (schema.Length > MostBytes) throw new GrammarException($"The schema has {schema.Length} characters; at most {MostBytes} are allowed.", "");
        try
        {
            using var document = JsonDocument.Parse(schema, new() { MaxDepth = MostDepth });
            var compiler = new JsonSchemaCompiler(builder, document.RootElement, pythonic, cancellationToken);
            var root = pythonic ? compiler.Keywords() : compiler.RuleOf(compiler._reader.At(""));
            compiler.DefineRules();
            return root;
        }
        catch (InvalidOperationException)
        {
            throw new GrammarException("The schema has a string with half of a surrogate pair.", "");
        }
        catch (JsonException exception)
        {
            throw new GrammarException($"The schema is not valid JSON, or nested deeper than {MostDepth}: {exception.Message}", "");
        }
    }

    /// <summary>The rule of any JSON object.</summary>
    public static int BuildAnyObject(GrammarBuilder builder, CancellationToken cancellationToken)
    {
        var factory = new PatternFactory();
        var rule = builder.DeclareRule();
        builder.DefineRule(rule, new JsonGrammar(builder, factory, new(factory), pythonic: false, cancellationToken).AnyObject(GrammarBuilder.Return));
        return rule;
    }

    private void DefineRules()
    {
        while (_undefined.TryDequeue(out var next))
        {
            _cancellationToken.ThrowIfCancellationRequested();
            _builder.DefineRule(next.Rule, Body(Flatten(next.Schema, MostHops), GrammarBuilder.Return));
        }
    }

    private int Keywords()
    {
        var schema = Flatten(_reader.At(""), MostHops);
        if (schema.AnyOf.Count > 0 || schema.Values is not null)
            throw new GrammarException("Alternatives cannot be written as keyword arguments; the JSON form of calls can.", "");
        var rule = _builder.DeclareRule();
        _builder.DefineRule(rule, _objects.BuildKeywords(schema, GrammarBuilder.Return));
        return rule;
    }

    private int RuleOf(SchemaNode schema)
    {
        if (_rules.TryGetValue(schema.Key, out var rule)) return rule;
        if (_rules.Count == MostRules) throw new GrammarException($"The schema is too large: it needs more than {MostRules} rules.", "");
        _rules[schema.Key] = rule = _builder.DeclareRule(schema.Key.Length == 0 ? "#" : schema.Key);
        _undefined.Enqueue((rule, schema));
        return rule;
    }

    /// <summary>A value that satisfies a schema.</summary>
    private int Value(SchemaNode schema, int next)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (schema.IsFalse) return GrammarBuilder.Dead;
        if (schema.IsReferenceOnly) schema = _reader.At(schema.Reference!, schema.Key + "/$ref");
        else if (!schema.IsComposite) return Body(schema, next);
        return _builder.Call(RuleOf(schema), next);
    }

    /// <summary>The schema with all that it refers to.</summary>
    private SchemaNode Flatten(SchemaNode schema, int hops)
    {
        if (!schema.IsComposite) return schema;
        if (hops == 0) throw new GrammarException("References go round in a circle.", schema.Key.Split('&')[0]);
        var flat = schema with { Reference = null, AllOf = [] };
        if (schema.Reference is { } reference) flat = _merge.Merge(flat, Flatten(_reader.At(reference, schema.Key + "/$ref"), hops - 1));
        foreach (var part in schema.AllOf) flat = _merge.Merge(flat, Flatten(part, hops - 1));
        return flat;
    }

    private int Body(SchemaNode schema, int next)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        if (schema.IsFalse) return GrammarBuilder.Dead;
        if (schema.AnyOf.Count > 0) return Alternatives(schema, next);
        if (schema.Values is { } values) return _builder.Split([.. values.Where(v => IsAllowed(schema, v)).Select(v => _json.Literal(v, next))]);
        if (schema.IsTrue) return _json.AnyValue(next);

        var types = schema.EffectiveTypes;
        var ways = new List<int>();
        if (types.HasFlag(JsonTypes.Object)) ways.Add(_objects.Build(schema, next));
        if (types.HasFlag(JsonTypes.Array)) ways.Add(BuildArray(schema, next));
        if (types.HasFlag(JsonTypes.String)) ways.Add(BuildString(schema, next));
        if (types.HasFlag(JsonTypes.Number)) ways.Add(_json.Plain(Numbers(schema), next));
        else if (types.HasFlag(JsonTypes.Integer)) ways.Add(_json.Plain(Integers(schema), next));
        if (types.HasFlag(JsonTypes.Boolean)) ways.AddRange([_json.Word("true", next), _json.Word("false", next)]);
        if (types.HasFlag(JsonTypes.Null)) ways.Add(_json.Word("null", next));
        return _builder.Split([.. ways]);
    }

    private int Alternatives(SchemaNode schema, int next)
    {
        var others = schema with { AnyOf = [.. schema.AnyOf.Skip(1)], Key = $"{schema.Key}#{schema.AnyOf.Count}" };
        return _builder.Split([.. schema.AnyOf[0].Select(branch => Value(others.IsTrue ? branch : SchemaMerge.All([others, branch]), next))]);
    }

    private int BuildString(SchemaNode schema, int next)
    {
        if (schema.Text is not { } text) return _json.String(schema.MinLength, schema.MaxLength, next);
        return _json.String(_factory.And(text, Length(schema)), next);
    }

    private Pattern Length(SchemaNode schema) => schema.MinLength > schema.MaxLength
        ? _factory.Nothing
        : _factory.Repeat(_factory.AnyCharacter, schema.MinLength, schema.MaxLength);

    private Pattern Numbers(SchemaNode schema) =>
        _json.Numbers.Numbers(schema.Minimum, schema.ExcludesMinimum, schema.Maximum, schema.ExcludesMaximum);

    private Pattern Integers(SchemaNode schema) => schema.Minimum is null && schema.Maximum is null
        ? _json.Numbers.AnyInteger
        : _json.Numbers.Integers(schema.Minimum, schema.ExcludesMinimum, schema.Maximum, schema.ExcludesMaximum);

    private int BuildArray(SchemaNode schema, int next)
    {
        var (min, max, prefix) = (schema.MinItems, schema.MaxItems, schema.PrefixItems);
        if (min > max) return GrammarBuilder.Dead;
        var close = _json.Close(']', next);
        var named = Math.Min(prefix.Count, max);
        var items = schema.Items ?? (prefix.Count == 0 || min > prefix.Count ? new SchemaNode { Key = "true" } : null);

        // From the end: what follows behind so many items.
        var behind = BuildItems();
        for (var count = named - 1; count >= 0; count--)
        {
            behind = Value(prefix[count], behind);
            if (count > 0) behind = _builder.Split(_json.Comma(behind), count >= min ? close : GrammarBuilder.Dead);
        }

        return _json.Open('[', behind, min == 0 ? close : GrammarBuilder.Dead);

        int BuildItems()
        {
            var (least, most) = (Math.Max(0, min - named), max == Pattern.Unbounded ? max : max - named);
            var end = named > 0 && least == 0 ? close : GrammarBuilder.Dead;
            if (items is null || most == 0) return end;
            var item = _builder.DeclareRule();
            _builder.DefineRule(item, Value(items, GrammarBuilder.Return));
            var further = _builder.DeclareRule();
            _builder.DefineRule(further, _json.Comma(_builder.Call(item, GrammarBuilder.Return)));
            if (named > 0) return _builder.Repeat(further, least, most, close);
            return _builder.Call(item, _builder.Repeat(further, Math.Max(0, least - 1), most == Pattern.Unbounded ? most : most - 1, close));
        }
    }

    /// <summary>Whether a listed value satisfies what else the schema says of it.</summary>
    private bool IsAllowed(SchemaNode schema, JsonElement value)
    {
        var types = schema.Types ?? JsonTypes.All;
        switch (value.ValueKind)
        {
            case JsonValueKind.Null:
                return types.HasFlag(JsonTypes.Null);
            case JsonValueKind.True or JsonValueKind.False:
                return types.HasFlag(JsonTypes.Boolean);
            case JsonValueKind.String:
                return types.HasFlag(JsonTypes.String) && _derivatives.Matches(_factory.And(schema.Text ?? _factory.AnyText, Length(schema)), value.GetString()!);
            case JsonValueKind.Number:
                if (!value.TryGetDecimal(out var number)) return types.HasFlag(JsonTypes.Number) && schema.Minimum is null && schema.Maximum is null;
                return (types.HasFlag(JsonTypes.Number) || (types.HasFlag(JsonTypes.Integer) && number == decimal.Truncate(number)))
                    && (schema.Minimum is not { } min || number > min || (number == min && !schema.ExcludesMinimum))
                    && (schema.Maximum is not { } max || number < max || (number == max && !schema.ExcludesMaximum));
            default:
                var isObject = value.ValueKind == JsonValueKind.Object;
                if (isObject ? schema.SpeaksOfObjects : schema.SpeaksOfArrays)
                {
                    throw new GrammarException(string.Create(CultureInfo.InvariantCulture,
                        $"An {(isObject ? "object" : "array")} in 'enum' or 'const' beside keywords that speak of {(isObject ? "objects" : "arrays")} is not supported."),
                        schema.Key.Split('&')[0]);
                }

                return types.HasFlag(isObject ? JsonTypes.Object : JsonTypes.Array);
        }
    }
}
