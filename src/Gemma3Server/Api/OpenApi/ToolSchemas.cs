using Gemma3Server.Chat.Tools;
using Microsoft.OpenApi;

namespace Gemma3Server.Api.OpenApi;

/// <summary>What requests may say of tools.</summary>
internal static class ToolSchemas
{
    /// <summary>The field <c>tools</c>.</summary>
    public static OpenApiSchema Tools(ToolShape shape) => SchemaParts.List(Function(shape, details: true), ToolReader.MaxTools);

    /// <summary>The field <c>tool_choice</c>.</summary>
    public static OpenApiSchema Choice(ToolShape shape)
    {
        var allowed = SchemaParts.Object(
            ("mode", SchemaParts.Words("auto", "required")),
            ("tools", SchemaParts.List(Function(shape, details: false), ToolReader.MaxTools)));
        if (shape == ToolShape.Nested) allowed = SchemaParts.Object(("type", SchemaParts.Words("allowed_tools")), ("allowed_tools", allowed));
        else Add(allowed, "type", SchemaParts.Words("allowed_tools"), required: true);
        return SchemaParts.Union(null, SchemaParts.Words("none", "auto", "required"), Function(shape, details: false), allowed);
    }

    /// <summary>The calls of an earlier answer.</summary>
    public static OpenApiSchema Calls()
    {
        var call = SchemaParts.Object(
            ("id", SchemaParts.Text()), ("function", SchemaParts.Object(("name", Named()), ("arguments", SchemaParts.Text("JSON of an object.")))));
        Add(call, "type", SchemaParts.Words("function"), required: false);
        return SchemaParts.List(call);
    }

    private static OpenApiSchema Function(ToolShape shape, bool details)
    {
        var function = SchemaParts.Object(("name", Named()));
        if (details)
        {
            Add(function, "description", SchemaParts.Text(), required: false);
            Add(function, "parameters", new() { Type = JsonSchemaType.Object, Description = "JSON Schema of the arguments; without it there are none." }, required: false);
            Add(function, "strict", new() { Type = JsonSchemaType.Boolean, Description = "Arguments satisfy the schema either way." }, required: false);
        }

        if (shape == ToolShape.Nested) return SchemaParts.Object(("type", SchemaParts.Words("function")), ("function", function));
        Add(function, "type", SchemaParts.Words("function"), required: true);
        return function;
    }

    private static OpenApiSchema Named() => new() { Type = JsonSchemaType.String, Pattern = "^[a-zA-Z0-9_-]{1,64}$" };

    private static void Add(OpenApiSchema target, string name, OpenApiSchema schema, bool required)
    {
        target.Properties![name] = schema;
        if (required) target.Required!.Add(name);
    }
}
