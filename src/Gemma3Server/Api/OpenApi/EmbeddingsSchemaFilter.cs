using Gemma3Server.Api.Embeddings;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Adds what the types of embedding bodies cannot say: the unions, the bounds, and examples.</summary>
internal sealed class EmbeddingsSchemaFilter : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema target || target.Properties is not { } properties) return;
        if (context.Type == typeof(EmbeddingsRequest))
        {
            target.Required = new HashSet<string> { "input" };
            properties.Describe("input", SchemaParts.RawPrompts(EmbeddingsEndpoint.MaxInputs));
            properties.Describe("encoding_format", SchemaParts.Words(EmbeddingsEndpoint.Encodings));
            properties.Bound("dimensions", "1", null);
            target.Example("""{ "model": "gemma-3-1b-it-q4_0", "input": ["The sky is blue.", "Why is it?"], "encoding_format": "float" }""");
        }
        else if (context.Type == typeof(EmbeddingItem))
        {
            properties["embedding"] = SchemaParts.Union(
                "Mean of the hidden states of the input's tokens, of length 1; base64 of little-endian 32-bit numbers where that was asked for.",
                SchemaParts.List(new OpenApiSchema { Type = JsonSchemaType.Number }), SchemaParts.Text());
        }
        else if (context.Type == typeof(EmbeddingsResponse))
        {
            target.Example("""
                {
                  "data": [{ "index": 0, "embedding": [0.0137, -0.0421, 0.0052], "object": "embedding" }],
                  "model": "gemma-3-1b-it-q4_0",
                  "usage": { "prompt_tokens": 6, "total_tokens": 6 },
                  "object": "list"
                }
                """);
        }
    }
}
