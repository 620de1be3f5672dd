using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Building blocks for what the types of bodies cannot say.</summary>
internal static class SchemaParts
{
    public static OpenApiSchema Text(string? description = null) => new() { Type = JsonSchemaType.String, Description = description };

    public static OpenApiSchema Integer(long minimum, long? maximum = null) =>
        new() { Type = JsonSchemaType.Integer, Minimum = $"{minimum}", Maximum = maximum is null ? null : $"{maximum}" };

    public static OpenApiSchema Words(params string[] words) => new() { Type = JsonSchemaType.String, Enum = [.. words] };

    public static OpenApiSchema List(IOpenApiSchema items, int? maximum = null) =>
        new() { Type = JsonSchemaType.Array, Items = items, MaxItems = maximum };

    public static OpenApiSchema Union(string? description, params IOpenApiSchema[] choices) => new() { Description = description, OneOf = [.. choices] };

    public static OpenApiSchema Object(params (string Name, IOpenApiSchema Schema)[] required) => new()
    {
        Type = JsonSchemaType.Object,
        Required = required.Select(field => field.Name).ToHashSet(),
        Properties = required.ToDictionary(field => field.Name, field => field.Schema),
    };

    /// <summary>A prompt outside of a conversation, or several of them.</summary>
    public static OpenApiSchema RawPrompts(int? most) => Union(null, Text(), List(Text(), most), List(Integer(0)), List(List(Integer(0)), most));

    /// <summary>A part of a message's content that is text.</summary>
    public static OpenApiSchema TextPart() => Object(("type", Words("text")), ("text", Text()));

    /// <summary>Says of a field what its type does not, and keeps its description unless the new one has its own.</summary>
    public static void Describe(this IDictionary<string, IOpenApiSchema> properties, string name, OpenApiSchema schema)
    {
        schema.Description ??= properties[name].Description;
        properties[name] = schema;
    }

    /// <summary>Bounds a field that is a number.</summary>
    public static void Bound(this IDictionary<string, IOpenApiSchema> properties, string name, string? minimum, string? maximum)
    {
        var schema = (OpenApiSchema)properties[name];
        (schema.Minimum, schema.Maximum) = (minimum, maximum);
    }

    /// <summary>Gives the schema of a body an example.</summary>
    public static void Example(this OpenApiSchema schema, string json) => schema.Examples = [JsonNode.Parse(json)!];
}
