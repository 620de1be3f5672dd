using Gemma3Server.Api.Tokens;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Adds what the types of the token bodies cannot say: the unions, the required fields, and examples.</summary>
internal sealed class TokensSchemaFilter : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema target || target.Properties is not { } properties) return;
        if (context.Type == typeof(TokenizeRequest))
        {
            properties.Describe("content", SchemaParts.Text());
            properties.Describe("prompt", SchemaParts.Text());
            target.Example("""{ "content": "The sky is blue.", "add_special": true, "with_pieces": false }""");
        }
        else if (context.Type == typeof(TokenizeResponse))
        {
            var piece = SchemaParts.Object(("id", SchemaParts.Integer(0)), ("piece", SchemaParts.Union(null, SchemaParts.Text(), SchemaParts.List(SchemaParts.Integer(0, 255)))));
            properties.Describe("tokens", SchemaParts.Union(null, SchemaParts.List(SchemaParts.Integer(0)), SchemaParts.List(piece)));
            target.Example("""{ "tokens": [2, 818, 7217, 563, 3730, 236761], "count": 6, "max_model_len": 8192 }""");
        }
        else if (context.Type == typeof(DetokenizeRequest))
        {
            target.Required = new HashSet<string> { "tokens" };
            properties.Describe("tokens", SchemaParts.List(SchemaParts.Integer(0)));
            target.Example("""{ "tokens": [2, 105, 106] }""");
        }
        else if (context.Type == typeof(DetokenizeResponse))
        {
            target.Example("""{ "content": "<bos><start_of_turn><end_of_turn>", "prompt": "<bos><start_of_turn><end_of_turn>" }""");
        }
        else if (context.Type == typeof(TemplateResponse))
        {
            target.Example("""
                {
                  "prompt": "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
                  "tokens": [2, 105, 2364, 107, 10979, 106, 107, 105, 4368, 107]
                }
                """);
        }
        else if (context.Type == typeof(InputTokensResponse))
        {
            target.Example("""{ "input_tokens": 10, "object": "chat.completion.input_tokens" }""");
        }
    }
}
