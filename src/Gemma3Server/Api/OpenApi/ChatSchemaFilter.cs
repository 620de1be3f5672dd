using System.Text.Json.Nodes;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Chat;
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
            properties["stop"] = Union("A string, or up to 4, that end the answer and are not part of it.", Text(), List(Text()));
            if (properties["service_tier"] is OpenApiSchema tier) tier.Enum = [.. ServiceTier.Names];
            target.Examples = [JsonNode.Parse("""
                {
                  "model": "gemma-3-1b-it-q4_0",
                  "messages": [
                    { "role": "system", "content": "Answer in one sentence." },
                    { "role": "user", "content": "Why is the sky blue?" }
                  ],
                  "max_completion_tokens": 128,
                  "stream": false
                }
                """)!];
        }
        else if (context.Type == typeof(ChatMessage))
        {
            target.Required = new HashSet<string> { "role", "content" };
            properties["role"] = new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["system", "developer", "user", "assistant"] };
            properties["content"] = Union("Text, or a list of text parts.", Text(), List(Part()));
        }
    }

    private static OpenApiSchema Union(string description, params IOpenApiSchema[] choices) =>
        new() { Description = description, OneOf = [.. choices] };

    private static OpenApiSchema Text() => new() { Type = JsonSchemaType.String };

    private static OpenApiSchema List(IOpenApiSchema items) => new() { Type = JsonSchemaType.Array, Items = items };

    private static OpenApiSchema Part() => new()
    {
        Type = JsonSchemaType.Object,
        Required = new HashSet<string> { "type", "text" },
        Properties = new Dictionary<string, IOpenApiSchema>
        {
            ["type"] = new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["text"] },
            ["text"] = Text(),
        },
    };
}
