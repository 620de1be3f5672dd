using System.Text.Json;

namespace Gemma3Server.Tests.Support.Shapes;

/// <summary>The building blocks of shapes.</summary>
internal static class Shape
{
    public static JsonShape Text { get; } = OfKind(JsonValueKind.String);

    public static JsonShape Number { get; } = OfKind(JsonValueKind.Number);

    public static JsonShape Flag { get; } = (value, path) =>
        Assert.True(value.ValueKind is JsonValueKind.True or JsonValueKind.False, $"{path} is {value.GetRawText()}, not a boolean");

    public static JsonShape Null { get; } = OfKind(JsonValueKind.Null);

    public static JsonShape Integer(long minimum = 0, long maximum = long.MaxValue) => (value, path) =>
    {
        Number(value, path);
        Assert.True(value.TryGetInt64(out var number) && number >= minimum && number <= maximum, $"{path} is {value.GetRawText()}");
    };

    public static JsonShape Words(params string[] words) => (value, path) =>
    {
        Text(value, path);
        Assert.True(words.Contains(value.GetString()), $"{path} is {value.GetRawText()}, which is none of {string.Join(", ", words)}");
    };

    public static JsonShape Prefixed(string prefix) => (value, path) =>
    {
        Text(value, path);
        Assert.StartsWith(prefix, value.GetString(), StringComparison.Ordinal);
    };

    public static JsonShape Nullable(JsonShape shape) => (value, path) =>
    {
        if (value.ValueKind != JsonValueKind.Null) shape(value, path);
    };

    /// <summary>An object whose names are data.</summary>
    public static JsonShape Map(JsonShape values) => (value, path) =>
    {
        OfKind(JsonValueKind.Object)(value, path);
        foreach (var field in value.EnumerateObject()) values(field.Value, $"{path}.{field.Name}");
    };

    /// <summary>A list, or something else.</summary>
    public static JsonShape Either(JsonShape list, JsonShape other) => (value, path) => (value.ValueKind == JsonValueKind.Array ? list : other)(value, path);

    public static JsonShape List(JsonShape items, int minimum = 0, int maximum = int.MaxValue) => (value, path) =>
    {
        OfKind(JsonValueKind.Array)(value, path);
        Assert.InRange(value.GetArrayLength(), minimum, maximum);
        var i = 0;
        foreach (var item in value.EnumerateArray()) items(item, $"{path}[{i++}]");
    };

    /// <summary>An object; fields whose name ends with a question mark may be absent.</summary>
    public static JsonShape Object(params (string Name, JsonShape Shape)[] fields) => (value, path) =>
    {
        OfKind(JsonValueKind.Object)(value, path);
        foreach (var (name, shape) in fields)
        {
            var isOptional = name.EndsWith('?');
            if (value.TryGetProperty(name.TrimEnd('?'), out var field)) shape(field, $"{path}.{name.TrimEnd('?')}");
            else Assert.True(isOptional, $"{path} lacks '{name}': {value.GetRawText()}");
        }

        var known = fields.Select(field => field.Name.TrimEnd('?')).ToHashSet();
        foreach (var field in value.EnumerateObject()) Assert.True(known.Contains(field.Name), $"{path} has an unknown field '{field.Name}'");
    };

    private static JsonShape OfKind(JsonValueKind kind) => (value, path) =>
        Assert.True(value.ValueKind == kind, $"{path} is {value.GetRawText()}, not of kind {kind}");
}
