using System.Text.Json;
using Gemma3Server.Engine.Structured.Patterns;

namespace Gemma3Server.Engine.Structured.Json;

/// <summary>Reads schemas, keyword by keyword. Every one is known or refused with its JSON pointer.</summary>
internal sealed class SchemaReader(JsonElement root, PatternFactory factory)
{
    /// <summary>Bounds of lengths and counts, far above what an answer can hold.</summary>
    private const int MostCount = 1_000_000;

    private const int MostValues = 5_000;

    private readonly Dictionary<string, SchemaNode> _read = [];

    /// <summary>The schema at a pointer, which is the root's when empty.</summary>
    /// <param name="pointer">The pointer.</param>
    /// <param name="from">Where the reference to it stands.</param>
    public SchemaNode At(string pointer, string from = "")
    {
        if (_read.TryGetValue(pointer, out var known)) return known;
        var element = root;
        foreach (var token in pointer.Split('/').Skip(1))
        {
            var name = token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            var found = element.ValueKind switch
            {
                JsonValueKind.Object => element.TryGetProperty(name, out element),
                JsonValueKind.Array when int.TryParse(name, out var index) && index >= 0 && index < element.GetArrayLength() =>
                    (element = element[index]).ValueKind != JsonValueKind.Undefined,
                _ => false,
            };
            if (!found) throw Error(from, $"The reference '#{pointer}' leads nowhere.");
        }

        return Read(element, pointer);
    }

    private SchemaNode Read(JsonElement element, string pointer)
    {
        if (_read.TryGetValue(pointer, out var known)) return known;
        var node = element.ValueKind switch
        {
            JsonValueKind.True => new SchemaNode { Key = pointer },
            JsonValueKind.False => new SchemaNode { Key = pointer, IsFalse = true },
            JsonValueKind.Object => ReadKeywords(element, pointer),
            _ => throw Error(pointer, "A schema must be an object, true or false."),
        };
        return _read[pointer] = node;
    }

    private SchemaNode ReadKeywords(JsonElement schema, string pointer)
    {
        var node = new SchemaNode { Key = pointer };
        var nullable = false;
        foreach (var keyword in schema.EnumerateObject())
        {
            var at = $"{pointer}/{keyword.Name}";
            if (keyword.NameEquals("nullable")) nullable = Boolean(keyword.Value, at);
            else node = Apply(node, keyword.Name, keyword.Value, at, schema);
        }

        if (!nullable) return node;
        return new()
        {
            Key = pointer,
            AnyOf = [[new() { Key = pointer + "/nullable", Types = JsonTypes.Null }, node with { Key = pointer + "/nullable/0" }]],
        };
    }

    private SchemaNode Apply(SchemaNode node, string keyword, JsonElement value, string at, JsonElement schema)
    {
        switch (keyword)
        {
            case "type": return node with { Types = ReadTypes(value, at) };
            case "enum": return node with { Values = Both(node.Values, Values(value, at)) };
            case "const": return node with { Values = Both(node.Values, [value]) };
            case "properties": return node with { Properties = ReadProperties(value, at) };
            case "patternProperties":
                return node with { PatternProperties = [.. ReadProperties(value, at).Select(p => KeyValuePair.Create(Regex(p.Key, at), p.Value))] };
            case "additionalProperties": return node with { Additional = Read(value, at) };
            case "required": return node with { Required = Strings(value, at) };
            case "items" when value.ValueKind == JsonValueKind.Array:
                throw Error(at, "An array of schemas is not supported here; use 'prefixItems'.");
            case "items": return node with { Items = Read(value, at) };
            case "prefixItems": return node with { PrefixItems = Schemas(value, at) };
            case "minItems": return node with { MinItems = Count(value, at) };
            case "maxItems": return node with { MaxItems = Count(value, at) };
            case "minLength": return node with { MinLength = Count(value, at) };
            case "maxLength": return node with { MaxLength = Count(value, at) };
            case "pattern": return node with { Text = Both(node.Text, Regex(Text(value, at), at)) };
            case "format": return node with { Text = Both(node.Text, Format(Text(value, at), at)) };
            case "minimum": return Tighten(node, Number(value, at), null, false);
            case "maximum": return Tighten(node, null, Number(value, at), false);
            case "exclusiveMinimum": return Tighten(node, Number(value, at), null, true);
            case "exclusiveMaximum": return Tighten(node, null, Number(value, at), true);
            case "anyOf" or "oneOf": return node with { AnyOf = [.. node.AnyOf, Schemas(value, at)] };
            case "allOf": return node with { AllOf = [.. node.AllOf, .. Schemas(value, at)] };
            case "$ref": return node with { Reference = Reference(Text(value, at), at) };
            case "uniqueItems" when !Boolean(value, at): return node;
            case "title" or "description" or "default" or "examples" or "deprecated" or "readOnly" or "writeOnly" or "$comment" or "$schema":
                return node; // says nothing of which values are valid
            case "$defs" or "definitions": return node; // read where a reference leads to them
            case "$id" when schema.Equals(root) || at == "/$id": return node;
            case "uniqueItems": throw Error(at, "'uniqueItems' is not supported: which items there are already cannot be part of a grammar.");
            case "multipleOf": throw Error(at, "'multipleOf' is not supported.");
            default: throw Error(at, $"The keyword '{keyword}' is not supported.");
        }
    }

    private static JsonTypes ReadTypes(JsonElement value, string at)
    {
        if (value.ValueKind == JsonValueKind.String) return TypeOf(value, at);
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0) throw Error(at, "'type' must be a string or an array of strings.");
        var types = JsonTypes.None;
        foreach (var item in value.EnumerateArray()) types |= TypeOf(item, at);
        return types;
    }

    private static JsonTypes TypeOf(JsonElement value, string at) => (value.ValueKind == JsonValueKind.String ? value.GetString() : null) switch
    {
        "null" => JsonTypes.Null,
        "boolean" => JsonTypes.Boolean,
        "integer" => JsonTypes.Integer,
        "number" => JsonTypes.Number | JsonTypes.Integer,
        "string" => JsonTypes.String,
        "array" => JsonTypes.Array,
        "object" => JsonTypes.Object,
        _ => throw Error(at, $"A type must be one of null, boolean, integer, number, string, array and object, but is {value.GetRawText()}."),
    };

    private List<KeyValuePair<string, SchemaNode>> ReadProperties(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Object) throw Error(at, "An object of schemas is expected.");
        return [.. value.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, Read(p.Value, $"{at}/{Escape(p.Name)}")))];
    }

    private List<SchemaNode> Schemas(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0) throw Error(at, "A non-empty array of schemas is expected.");
        return [.. value.EnumerateArray().Select((item, i) => Read(item, $"{at}/{i}"))];
    }

    private static List<JsonElement> Values(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > MostValues)
            throw Error(at, $"'enum' must be an array of 1 to {MostValues} values.");
        return [.. value.EnumerateArray()];
    }

    private static List<string> Strings(JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Array) throw Error(at, "An array of strings is expected.");
        return [.. value.EnumerateArray().Select(item => Text(item, at)).Distinct()];
    }

    private static string Text(JsonElement value, string at) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Error(at, "A string is expected.");

    private static bool Boolean(JsonElement value, string at) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Error(at, "true or false is expected.");

    private static int Count(JsonElement value, string at)
    {
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) && number >= 0 && number <= MostCount
            && number == decimal.Truncate(number)) return (int)number;
        throw Error(at, $"A whole number from 0 to {MostCount} is expected, but it is {value.GetRawText()}.");
    }

    private static decimal Number(JsonElement value, string at) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number)
            ? number
            : throw Error(at, $"A number of at most 28 digits is expected, but it is {value.GetRawText()}.");

    private Pattern Regex(string expression, string at)
    {
        try
        {
            return RegexParser.Part(factory, expression);
        }
        catch (GrammarException exception)
        {
            throw Error(at, exception.Message);
        }
    }

    private Pattern Format(string name, string at) => StringFormats.TryGet(name, factory) ?? throw Error(
        at, $"The format '{name}' is not supported; {string.Join(", ", StringFormats.Names)} are.");

    private static string Reference(string reference, string at)
    {
        if (reference.StartsWith('#') && (reference.Length == 1 || reference[1] == '/')) return Uri.UnescapeDataString(reference[1..]);
        throw Error(at, $"The reference '{reference}' is not supported: only those into the schema itself are (#/...).");
    }

    private Pattern Both(Pattern? left, Pattern right) => left is null ? right : factory.And(left, right);

    private static IReadOnlyList<JsonElement> Both(IReadOnlyList<JsonElement>? left, IReadOnlyList<JsonElement> right) =>
        left is null ? right : SchemaMerge.CommonValues(left, right);

    private static SchemaNode Tighten(SchemaNode node, decimal? minimum, decimal? maximum, bool exclusive) =>
        SchemaMerge.Tighten(node, minimum, exclusive, maximum, exclusive);

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private static GrammarException Error(string pointer, string message) => new(message, pointer);
}
