using System.Globalization;
using System.Text.Json.Nodes;

namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>Makes random schemas of what is supported, each with a way to make valid instances of it.</summary>
internal sealed class SchemaGenerator(Random random)
{
    private const string Letters = "abcé日🎉 \"\\/\n\u0001<0";

    private static readonly (string Pattern, Func<Random, string> Make)[] Patterns =
    [
        ("^[a-f]{2,5}$", r => string.Concat(Enumerable.Range(0, r.Next(2, 6)).Select(_ => "abcdef"[r.Next(6)]))),
        ("^(ab|c)+$", r => string.Concat(Enumerable.Range(0, r.Next(1, 4)).Select(_ => r.Next(2) == 0 ? "ab" : "c"))),
        ("x\\d", r => "日" + "x" + r.Next(10) + "z"),
        ("^[a-z日]?é", r => "日é\n"),
    ];

    private static readonly (string Format, Func<Random, string> Make)[] Formats =
    [
        ("date", r => new DateTime(2000, 1, 1).AddDays(r.Next(10_000)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)),
        ("time", r => $"{r.Next(24):00}:{r.Next(60):00}:{r.Next(60):00}Z"),
        ("date-time", r => new DateTime(2000, 1, 1).AddSeconds(r.Next()).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
        ("uuid", r => new Guid(r.Next(), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10).ToString()),
        ("email", r => $"a{r.Next(100)}@example.org"),
        ("ipv4", r => $"{r.Next(256)}.{r.Next(256)}.0.1"),
        ("ipv6", r => $"{r.Next(65_536):x}::{r.Next(65_536):x}"),
        ("uri", r => $"https://example.org/{r.Next(100)}?q=1#x"),
    ];

    private readonly JsonObject _definitions = [];
    private readonly Dictionary<string, Func<int, JsonNode?>> _instances = [];

    /// <summary>A schema, and a function that makes a valid instance of it, in the order in which the schema describes it.</summary>
    public (JsonObject Schema, Func<JsonNode?> Instance) Make()
    {
        var (schema, instance) = Schema(3);
        if (_definitions.Count > 0) schema["$defs"] = _definitions;
        return (schema, () => instance(4));
    }

    private (JsonObject Schema, Func<int, JsonNode?> Instance) Schema(int depth)
    {
        var (schema, instance) = random.Next(depth > 0 ? 14 : 7) switch
        {
            0 => String(),
            1 => Integer(),
            2 => Number(),
            3 => (new JsonObject { ["type"] = "boolean" }, _ => JsonValue.Create(random.Next(2) == 0)),
            4 => Values(),
            5 => (new JsonObject { ["type"] = new JsonArray("null", "integer") }, _ => random.Next(2) == 0 ? null : JsonValue.Create(random.Next(1000))),
            6 => Formatted(),
            7 or 8 or 9 => Object(depth),
            10 => Array(depth),
            11 => Any(depth),
            12 => All(depth),
            _ => Recursive(depth),
        };
        if (random.Next(4) == 0) schema["description"] = "Something.";
        return (schema, instance);
    }

    private (JsonObject, Func<int, JsonNode?>) String()
    {
        if (random.Next(3) == 0)
        {
            var (pattern, make) = Patterns[random.Next(Patterns.Length)];
            return (new() { ["type"] = "string", ["pattern"] = pattern }, _ => make(random));
        }

        var (min, max) = (random.Next(3), random.Next(3, 30));
        var schema = new JsonObject { ["type"] = "string" };
        if (random.Next(2) == 0) schema["minLength"] = min;
        if (random.Next(2) == 0) schema["maxLength"] = max;
        // Of letters that are a text element each, which is what the validator counts.
        return (schema, _ => string.Concat(Letters.EnumerateRunes().OrderBy(_ => random.Next()).Take(random.Next(2, 4)).Select(r => r.ToString())));
    }

    private (JsonObject, Func<int, JsonNode?>) Integer()
    {
        var low = random.Next(-2000, 2000);
        var high = low + random.Next(2, 5000);
        var schema = new JsonObject { ["type"] = "integer" };
        if (random.Next(3) > 0) schema[random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = low;
        if (random.Next(3) > 0) schema[random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = high;
        return (schema, _ => JsonValue.Create(random.Next(low + 1, high)));
    }

    private (JsonObject, Func<int, JsonNode?>) Number()
    {
        var low = random.Next(-20_000, 20_000) / 100m;
        var high = low + random.Next(2, 5000) / 1000m;
        var schema = new JsonObject { ["type"] = "number" };
        if (random.Next(3) > 0) schema[random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = low;
        if (random.Next(3) > 0) schema[random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = high;
        return (schema, _ => JsonValue.Create(low + ((high - low) * random.Next(1, 1000) / 1000m)));
    }

    private (JsonObject, Func<int, JsonNode?>) Values()
    {
        var values = new JsonArray("one", "on\"e", 2, null, true, new JsonObject { ["k"] = new JsonArray(1) });
        while (values.Count > random.Next(1, 7)) values.RemoveAt(random.Next(values.Count));
        return values.Count == 1 && values[0] is not null
            ? (new() { ["const"] = values[0]!.DeepClone() }, _ => values[0]!.DeepClone())
            : (new() { ["enum"] = values }, _ => values[random.Next(values.Count)]?.DeepClone());
    }

    private (JsonObject, Func<int, JsonNode?>) Formatted()
    {
        var (format, make) = Formats[random.Next(Formats.Length)];
        return (new() { ["type"] = "string", ["format"] = format }, _ => make(random));
    }

    private (JsonObject, Func<int, JsonNode?>) Object(int depth)
    {
        var (properties, required) = (new JsonObject(), new JsonArray());
        var members = new List<(string Name, bool Required, Func<int, JsonNode?> Instance)>();
        for (var i = random.Next(5); i > 0; i--)
        {
            var name = "abcdeé\""[random.Next(7)] + (random.Next(3) == 0 ? "name" : "");
            if (properties.ContainsKey(name)) continue;
            var (schema, instance) = Schema(depth - 1);
            properties[name] = schema;
            members.Add((name, random.Next(2) == 0, instance));
            if (members[^1].Required) required.Add(name);
        }

        var whole = new JsonObject { ["type"] = "object", ["properties"] = properties };
        if (required.Count > 0) whole["required"] = required;
        Func<int, JsonNode?>? extra = null;
        var prefix = "extra";
        switch (random.Next(4))
        {
            case 0:
                whole["additionalProperties"] = false;
                break;
            case 1:
                (var schema, extra) = Schema(depth - 1);
                whole["additionalProperties"] = schema;
                break;
            case 2:
                (schema, extra) = Schema(depth - 1);
                prefix = "p_";
                whole["patternProperties"] = new JsonObject { ["^p_"] = schema };
                break;
        }

        return (whole, left =>
        {
            var value = new JsonObject();
            foreach (var (name, isRequired, instance) in members)
            {
                if (isRequired || (left > 0 && random.Next(2) == 0)) value[name] = instance(left - 1);
            }

            for (var i = extra is null || left <= 0 ? 0 : random.Next(3); i > 0; i--) value[prefix + i] = extra!(left - 1);
            return value;
        }
        );
    }

    private (JsonObject, Func<int, JsonNode?>) Array(int depth)
    {
        var (schema, instance) = Schema(depth - 1);
        var (min, max) = (random.Next(3), random.Next(3, 6));
        if (random.Next(4) == 0)
        {
            var (second, secondInstance) = Schema(depth - 1);
            return (new() { ["type"] = "array", ["prefixItems"] = new JsonArray(schema, second), ["items"] = false, ["minItems"] = min },
                left => new JsonArray([.. new[] { instance, secondInstance }.Take(random.Next(min, 3)).Select(make => make(left - 1))]));
        }

        var array = new JsonObject { ["type"] = "array", ["items"] = schema };
        if (min > 0) array["minItems"] = min;
        if (random.Next(2) == 0) array["maxItems"] = max;
        return (array, left => new JsonArray([.. Enumerable.Range(0, left > 0 ? random.Next(min, max + 1) : min).Select(_ => instance(left - 1))]));
    }

    private (JsonObject, Func<int, JsonNode?>) Any(int depth)
    {
        var branches = Enumerable.Range(0, random.Next(1, 4)).Select(_ => Schema(depth - 1)).ToArray();
        return (new() { ["anyOf"] = new JsonArray([.. branches.Select(b => b.Schema)]) },
            left => branches[random.Next(branches.Length)].Instance(left));
    }

    private (JsonObject, Func<int, JsonNode?>) All(int depth)
    {
        var (first, second) = (Schema(depth - 1), Schema(depth - 1));
        JsonObject Part(string name, JsonObject schema) =>
            new() { ["type"] = "object", ["properties"] = new JsonObject { [name] = schema }, ["required"] = new JsonArray(name) };
        return (new() { ["allOf"] = new JsonArray(Part("u", first.Schema), Part("v", second.Schema)) },
            left => new JsonObject { ["u"] = first.Instance(left - 1), ["v"] = second.Instance(left - 1) });
    }

    private (JsonObject, Func<int, JsonNode?>) Recursive(int depth)
    {
        var name = $"d{_definitions.Count}";
        _definitions[name] = new JsonObject(); // taken
        var (value, instance) = Schema(depth - 1);
        _definitions[name] = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["v"] = value,
                ["next"] = new JsonObject { ["anyOf"] = new JsonArray(new JsonObject { ["$ref"] = $"#/$defs/{name}" }, new JsonObject { ["type"] = "null" }) },
            },
            ["required"] = new JsonArray("v", "next"),
            ["additionalProperties"] = false,
        };
        _instances[name] = left => new JsonObject { ["v"] = instance(left - 1), ["next"] = left > 1 && random.Next(2) == 0 ? _instances[name](left - 1) : null };
        return (new() { ["$ref"] = $"#/$defs/{name}" }, left => _instances[name](left));
    }
}
