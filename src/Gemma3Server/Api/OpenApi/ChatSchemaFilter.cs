using Gemma3Server.Api.ChatCompletions;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Adds what the types of a chat request cannot say: the unions, the required fields, and an example.</summary>
internal sealed class ChatSchemaFilter : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema target || target.Properties is not { } properties) return;
        if (context.Type == typeof(ChatCompletionRequest))
        {
            target.Required = new HashSet<string> { "messages" };
            target.AdditionalPropertiesAllowed = true;
            target.Example("""
                {
                  "model": "gemma-3-1b-it-q4_0",
                  "messages": [
                    { "role": "system", "content": "Answer in one sentence." },
                    { "role": "user", "content": "Why is the sky blue?" }
                  ],
                  "max_completion_tokens": 128,
                  "stream": false
                }
                """);
        }
        else if (context.Type == typeof(ChatMessage))
        {
            target.Required = new HashSet<string> { "role", "content" };
            properties.Describe("role", SchemaParts.Words("system", "developer", "user", "assistant"));
            properties.Describe("content", SchemaParts.Union(null, SchemaParts.Text(), SchemaParts.List(SchemaParts.TextPart())));
        }
    }
}
