using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Gemma3Server.Api;

namespace Gemma3Server.Chat;

/// <summary>What a field of the request is, read from the same metadata that deserializes it.</summary>
internal static partial class RequestSchema
{
    /// <summary>The type that a field of the body <paramref name="type"/> must have, in words.</summary>
    public static string ExpectedType(Type type, string name)
    {
        foreach (Match step in Steps.Matches(name))
        {
            var info = OpenAiJsonContext.Default.GetTypeInfo(type);
            var next = step.Groups["index"].Success
                ? info?.ElementType
                : info?.ElementType ?? info?.Properties.FirstOrDefault(p => p.Name == step.Value)?.PropertyType;
            if (next is null) return "another type";
            type = next;
        }

        return (Nullable.GetUnderlyingType(type) ?? type) switch
        {
            var t when t == typeof(string) => "a string",
            var t when t == typeof(bool) => "a boolean",
            var t when t == typeof(long) => "an integer",
            var t when t == typeof(double) => "a number",
            var t when OpenAiJsonContext.Default.GetTypeInfo(t)?.Kind == System.Text.Json.Serialization.Metadata.JsonTypeInfoKind.Enumerable =>
                "an array",
            _ => "an object",
        };
    }

    /// <summary>The value at a path such as <c>messages[0].role</c>.</summary>
    public static JsonElement? Find(JsonElement root, string name)
    {
        var current = root;
        foreach (Match step in Steps.Matches(name))
        {
            if (step.Groups["index"].Success)
            {
                var index = int.Parse(step.Groups["index"].ValueSpan, CultureInfo.InvariantCulture);
                if (current.ValueKind != JsonValueKind.Array || index >= current.GetArrayLength()) return null;
                current = current[index];
            }
            else if (current.ValueKind != JsonValueKind.Object || !current.TryGetProperty(step.Value, out current))
            {
                return null;
            }
        }

        return current;
    }

    [GeneratedRegex(@"\[(?<index>\d{1,9})\]|[^.\[\]]+")]
    private static partial Regex Steps { get; }
}
