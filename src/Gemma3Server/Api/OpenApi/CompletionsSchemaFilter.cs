using Gemma3Server.Api.Completions;
using Gemma3Server.Chat;
using Gemma3Server.Prompts;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Adds what the types of completion bodies cannot say: the unions, the bounds, and examples.</summary>
internal sealed class CompletionsSchemaFilter : ISchemaFilter
{
    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema target || target.Properties is not { } properties) return;
        if (context.Type == typeof(CompletionRequest))
        {
            target.Required = new HashSet<string> { "prompt" };
            target.AdditionalPropertiesAllowed = true;
            properties.Describe("prompt", SchemaParts.RawPrompts(most: null));
            properties.Bound("max_tokens", "1", null);
            properties.Bound("n", "1", $"{Choices.Max}");
            properties.Bound("best_of", "1", $"{Choices.Max}");
            properties.Bound("logprobs", "0", $"{CompletionRequestParser.MaxLogProbs}");
            target.Example("""{ "model": "gemma-3-1b-it-q4_0", "prompt": "The sky is", "max_tokens": 16, "temperature": 0 }""");
        }
        else if (context.Type == typeof(CompletionBodyWithUsage))
        {
            target.Example("""
                {
                  "id": "cmpl-0f5e1d2c3b4a59687766554433221100",
                  "object": "text_completion",
                  "created": 1800000000,
                  "model": "gemma-3-1b-it-q4_0",
                  "system_fingerprint": "fp_0123456789",
                  "choices": [{ "text": " blue.", "index": 0, "logprobs": null, "finish_reason": "stop" }],
                  "usage": {
                    "prompt_tokens": 4,
                    "completion_tokens": 3,
                    "total_tokens": 7,
                    "prompt_tokens_details": { "cached_tokens": 0 },
                    "completion_tokens_details": { "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0 }
                  }
                }
                """);
        }
        else if (context.Type == typeof(CompletionBody))
        {
            target.Example("""
                {
                  "id": "cmpl-0f5e1d2c3b4a59687766554433221100",
                  "object": "text_completion",
                  "created": 1800000000,
                  "model": "gemma-3-1b-it-q4_0",
                  "system_fingerprint": "fp_0123456789",
                  "choices": [{ "text": " blue", "index": 0, "logprobs": null, "finish_reason": null }]
                }
                """);
        }
    }
}
