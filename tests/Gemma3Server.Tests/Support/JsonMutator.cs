using System.Text;
using System.Text.Json.Nodes;

namespace Gemma3Server.Tests.Support;

/// <summary>Spoils JSON bodies: their values, their fields, their text or their bytes. The same seed spoils in the same way.</summary>
internal sealed class JsonMutator(int seed)
{
    /// <summary>Raw JSON, some of it no JSON at all.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "1", "-1", "2", "16", "0.5", "-0.0", "1e308", "1e999", "-1e999", "9223372036854775807", "9223372036854775808", "1.5",
        "\"\"", "\"a\"", "\"text\"", "\"user\"", "\"assistant\"", "\"tool\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\ud83d\\ude00\"", "\"é\"",
        "\"<end_of_turn>\"", "[]", "[[]]", "[null]", "[1,2,3]", "[\"a\",\"b\"]", "{}", "{\"type\":\"text\",\"text\":\"a\"}", "{\"a\":{\"b\":[1,{\"c\":null}]}}",
        "{\"\\ud800\":1}", "{\"\":1}", "NaN", "Infinity", "'a'", "// comment", "\"" + new string('x', 5000) + "\"", Nested('[', ']', 70), Nested('[', ']', 5000),
        "[" + string.Join(',', Enumerable.Repeat("\"s\"", 10_000)) + "]",
    ];

    private readonly Random _random = new(seed);

    /// <summary>The body with some faults; <paramref name="names"/> are fields that may be added to it.</summary>
    public byte[] Mutate(string body, string[] names)
    {
        // Values that are no JSON cannot stand in a document: they are put in afterwards, in the place of marks.
        var marks = new List<string>();
        var root = JsonNode.Parse(body)!;
        for (var faults = _random.Next(0, 4); faults >= 0; faults--)
        {
            var node = Any(root);
            if (node is JsonObject fields && _random.Next(3) > 0)
            {
                if (fields.Count > 0 && _random.Next(3) == 0) fields.Remove(fields.ElementAt(_random.Next(fields.Count)).Key);
                else fields[_random.Next(10) == 0 ? "un\"known" : names[_random.Next(names.Length)]] = Mark(marks);
            }
            else if (node is JsonArray items && _random.Next(2) == 0)
            {
                items.Add(_random.Next(2) == 0 && items.Count > 0 ? items[_random.Next(items.Count)]?.DeepClone() : Mark(marks));
            }
            else if (node != root)
            {
                node.ReplaceWith(Mark(marks));
            }
        }

        var text = root.ToJsonString();
        for (var i = 0; i < marks.Count; i++) text = text.Replace($"\"<mark{i}>\"", marks[i], StringComparison.Ordinal);
        return _random.Next(6) == 0 ? Break(Encoding.UTF8.GetBytes(text)) : Encoding.UTF8.GetBytes(text);
    }

    private JsonValue Mark(List<string> marks)
    {
        marks.Add(Values[_random.Next(Values.Length)]);
        return JsonValue.Create($"<mark{marks.Count - 1}>");
    }

    private JsonNode Any(JsonNode root)
    {
        var node = root;
        while (_random.Next(3) > 0)
        {
            JsonNode?[] children = node switch
            {
                JsonObject fields => [.. fields.Select(field => field.Value)],
                JsonArray items => [.. items],
                _ => [],
            };
            if (children.Length == 0 || children[_random.Next(children.Length)] is not { } child) break;
            node = child;
        }

        return node;
    }

    private byte[] Break(byte[] body)
    {
        var at = _random.Next(body.Length);
        switch (_random.Next(4))
        {
            case 0: return body[..at];
            case 1: return [.. body[..at], (byte)_random.Next(256), .. body[at..]];
            case 2: return [.. body[..at], .. body];
            default:
                body[at] = (byte)_random.Next(256);
                return body;
        }
    }

    private static string Nested(char open, char close, int depth) => new string(open, depth) + new string(close, depth);
}
