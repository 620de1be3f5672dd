using Microsoft.OpenApi;

namespace Gemma3Server.Api.OpenApi;

/// <summary>The form that an answer is to have.</summary>
internal static class FormatSchemas
{
    /// <param name="nested">Whether name and schema stand in a <c>json_schema</c> of their own, as in chat, or beside the type.</param>
    public static OpenApiSchema Of(bool nested)
    {
        (string, IOpenApiSchema) type = ("type", SchemaParts.Words("json_schema"));
        (string, IOpenApiSchema)[] fields = [("name", SchemaParts.Text()), ("schema", SchemaParts.Object())];
        return SchemaParts.Union(null,
            SchemaParts.Object(("type", SchemaParts.Words("text", "json_object"))),
            nested ? SchemaParts.Object(type, ("json_schema", SchemaParts.Object(fields))) : SchemaParts.Object([type, .. fields]));
    }
}
