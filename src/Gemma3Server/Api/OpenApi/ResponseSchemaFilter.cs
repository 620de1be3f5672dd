using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Adds what the types of the Responses API cannot say: the union, the required field, bounds, and examples.</summary>
internal sealed class ResponseSchemaFilter : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema target || target.Properties is not { } properties) return;
        if (context.Type == typeof(ResponseRequest))
        {
            target.Required = new HashSet<string> { "input" };
            target.AdditionalPropertiesAllowed = true;
            properties.Describe("input", SchemaParts.Union(null, SchemaParts.Text(), SchemaParts.List(SchemaParts.Union(null, Message(), Call(), CallOutput(), Reference()))));
            properties.Describe("tools", ToolSchemas.Tools(ToolShape.Flat));
            properties.Describe("tool_choice", ToolSchemas.Choice(ToolShape.Flat));
            properties.Describe("truncation", SchemaParts.Words("auto", "disabled"));
            properties.Bound("max_output_tokens", "1", null);
            properties.Bound("top_logprobs", "0", $"{LogProbsReader.MaxTop}");
            target.Example("""
                {
                  "model": "gemma-3-1b-it-q4_0",
                  "instructions": "Answer in one sentence.",
                  "input": [{ "role": "user", "content": "Why is the sky blue?" }],
                  "max_output_tokens": 128,
                  "store": true
                }
                """);
        }
        else if (context.Type == typeof(ResponseTextOptions))
        {
            properties.Describe("format", FormatSchemas.Of(nested: false));
            properties.Describe("verbosity", SchemaParts.Words(EffectlessFields.Verbosities));
        }
        else if (context.Type == typeof(ResponseEvent))
        {
            target.Example("""
                {
                  "type": "response.output_text.delta",
                  "sequence_number": 4,
                  "item_id": "msg_0f5e1d2c3b4a59687766554433221100",
                  "output_index": 0,
                  "content_index": 0,
                  "delta": "Air",
                  "logprobs": []
                }
                """);
        }
    }

    private static OpenApiSchema Message() => SchemaParts.Object(
        ("role", SchemaParts.Words("system", "developer", "user", "assistant")),
        ("content", SchemaParts.Union(null, SchemaParts.Text(), SchemaParts.List(
            SchemaParts.Object(("type", SchemaParts.Words(ResponseContent.InputText, ResponseContent.OutputText)), ("text", SchemaParts.Text()))))));

    private static OpenApiSchema Call() => SchemaParts.Object(
        ("type", SchemaParts.Words(ResponseItem.FunctionCall)), ("call_id", SchemaParts.Text()), ("name", SchemaParts.Text()), ("arguments", SchemaParts.Text()));

    private static OpenApiSchema CallOutput() => SchemaParts.Object(
        ("type", SchemaParts.Words(ResponseItem.FunctionCallOutput)), ("call_id", SchemaParts.Text()), ("output", SchemaParts.Text()));

    private static OpenApiSchema Reference() => SchemaParts.Object(("type", SchemaParts.Words("item_reference")), ("id", SchemaParts.Text()));
}
