using Gemma3Server.Chat;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Adds the bounds and unions of the fields that all generations have in common.</summary>
internal sealed class GenerationSchemaFilter : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (!context.Type.IsAssignableTo(typeof(GenerationFields)) || schema is not OpenApiSchema { Properties: { } properties }) return;
        properties.Describe("stop", SchemaParts.Union(null, SchemaParts.Text(), SchemaParts.List(SchemaParts.Text(), 4)));
        properties.Describe("service_tier", SchemaParts.Words(ServiceTier.Names));
        properties.Describe("stop_token_ids", SchemaParts.List(SchemaParts.Integer(0), GenerationReader.MaxStopTokens));
        properties.Bound("min_tokens", "0", null);
        properties.Bound("top_k", "0", null);
        properties.Bound("temperature", "0", "2");
        properties.Bound("top_p", "0", "1");
        properties.Bound("min_p", "0", "1");
        properties.Bound("typical_p", "0", "1");
        properties.Bound("presence_penalty", "-2", "2");
        properties.Bound("frequency_penalty", "-2", "2");
        properties.Bound("repeat_penalty", "0.01", "10");
    }
}
