using Gemma3Server.Api.Models;
using Gemma3Server.Pool;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Says what <c>keep_alive</c> may be, in whichever request, and what an order looks like.</summary>
internal sealed class ModelsSchemaFilter : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema { Properties: { } properties } target) return;
        if (properties.ContainsKey(KeepAlive.Field) && context.Type != typeof(ModelStatusBody))
            properties.Describe(KeepAlive.Field, SchemaParts.Union(null, new OpenApiSchema { Type = JsonSchemaType.Number }, SchemaParts.Text()));
        if (context.Type == typeof(ModelOrder)) target.Example("""{ "model": "4b" }""");
    }
}
