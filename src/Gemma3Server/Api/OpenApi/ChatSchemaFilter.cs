using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;
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
            properties.Bound("max_tokens", "1", null);
            properties.Bound("max_completion_tokens", "1", null);
            properties.Bound("n", "1", $"{Choices.Max}");
            properties.Bound("top_logprobs", "0", $"{LogProbsReader.MaxTop}");
            properties.Describe("modalities", SchemaParts.List(SchemaParts.Words("text"), 1));
            properties.Describe("reasoning_effort", SchemaParts.Words(EffectlessFields.Efforts));
            properties.Describe("verbosity", SchemaParts.Words(EffectlessFields.Verbosities));
            properties.Describe("tools", ToolSchemas.Tools(ToolShape.Nested));
            properties.Describe("tool_choice", ToolSchemas.Choice(ToolShape.Nested));
            properties.Describe("prediction", SchemaParts.Object(
                ("type", SchemaParts.Words("content")),
                ("content", SchemaParts.Union(null, SchemaParts.Text(), SchemaParts.List(SchemaParts.TextPart())))));
            properties.Describe("response_format", FormatSchemas.Of(nested: true));
            properties.Describe("structured_outputs", SchemaParts.Union(null,
                SchemaParts.Object(("json", SchemaParts.Object())),
                SchemaParts.Object(("regex", SchemaParts.Text())),
                SchemaParts.Object(("choice", SchemaParts.List(SchemaParts.Text()))),
                SchemaParts.Object(("grammar", SchemaParts.Text()))));
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
            target.Required = new HashSet<string> { "role" };
            properties.Describe("role", SchemaParts.Words("system", "developer", "user", "assistant", "tool"));
            properties.Describe("content", SchemaParts.Union(null, SchemaParts.Text(), SchemaParts.List(SchemaParts.TextPart())));
            properties.Describe("tool_calls", ToolSchemas.Calls());
        }
        else if (context.Type == typeof(ChatCompletionResponse))
        {
            target.Example("""
                {
                  "id": "chatcmpl-0f5e1d2c3b4a59687766554433221100",
                  "object": "chat.completion",
                  "created": 1800000000,
                  "model": "gemma-3-1b-it-q4_0",
                  "choices": [
                    {
                      "index": 0,
                      "message": { "role": "assistant", "content": "Air scatters blue light most.", "refusal": null },
                      "logprobs": null,
                      "finish_reason": "stop"
                    }
                  ],
                  "usage": {
                    "prompt_tokens": 25,
                    "completion_tokens": 7,
                    "total_tokens": 32,
                    "prompt_tokens_details": { "cached_tokens": 0 },
                    "completion_tokens_details": { "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0 }
                  },
                  "system_fingerprint": "fp_0123456789"
                }
                """);
        }
        else if (context.Type == typeof(ChatCompletionChunk))
        {
            target.Example("""
                {
                  "id": "chatcmpl-0f5e1d2c3b4a59687766554433221100",
                  "object": "chat.completion.chunk",
                  "created": 1800000000,
                  "model": "gemma-3-1b-it-q4_0",
                  "system_fingerprint": "fp_0123456789",
                  "choices": [{ "index": 0, "delta": { "content": "Air" }, "logprobs": null, "finish_reason": null }]
                }
                """);
        }
        else if (context.Type == typeof(ErrorResponse))
        {
            target.Example("""
                {
                  "error": {
                    "message": "'temperature' must be from 0 to 2, but is 3.",
                    "type": "invalid_request_error",
                    "param": "temperature",
                    "code": "invalid_value"
                  }
                }
                """);
        }
    }
}
