using Gemma3Server.Api.ChatCompletions;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace Gemma3Server.Api.OpenApi;

/// <summary>Adds what routes cannot say of themselves: which ask for a key, what an event of a stream holds, and headers.</summary>
internal sealed class OperationFilter : IOperationFilter
{
    public void Apply(OpenApiOperation operation, OperationFilterContext context)
    {
        var path = context.ApiDescription.RelativePath ?? "";
        if (path.StartsWith("v1/", StringComparison.Ordinal))
            operation.Security = [new() { [new OpenApiSecuritySchemeReference(OpenApiDocument.KeyScheme, context.Document)] = [] }];
        if (operation.OperationId != ChatCompletionsEndpoint.Name) return;

        operation.Parameters ??= [];
        operation.Parameters.Add(Header(
            ChatHeaders.StrictName, "1: fields that have no effect are an error instead of being named in x-ignored-params.",
            new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["1"] }));
        operation.Parameters.Add(Header(
            ChatHeaders.DeterministicName, "1: the answer depends on the request alone, never on the load; computed apart from others, so slower.",
            new OpenApiSchema { Type = JsonSchemaType.String, Enum = ["0", "1"] }));
        operation.Parameters.Add(Header(
            ChatHeaders.TimeoutName, "Seconds until the answer ends with what it has (finish_reason length), or with 504 if it has not begun.",
            new OpenApiSchema { Type = JsonSchemaType.Number, ExclusiveMinimum = "0", Maximum = "86400" }));
        if (operation.Responses?["200"] is not OpenApiResponse { Content: { } content } answer) return;
        content["text/event-stream"] = new OpenApiMediaType
        {
            // Each "data:" line; the last one is [DONE].
            Schema = context.SchemaGenerator.GenerateSchema(typeof(ChatCompletionChunk), context.SchemaRepository),
        };
        answer.Headers = new Dictionary<string, IOpenApiHeader>
        {
            [ChatCompletionsEndpoint.IgnoredHeader] = new OpenApiHeader
            {
                Description = "Given fields that have no effect, separated by commas; absent when there are none.",
                Schema = new OpenApiSchema { Type = JsonSchemaType.String },
            },
        };
    }

    private static OpenApiParameter Header(string name, string description, OpenApiSchema schema) =>
        new() { Name = name, In = ParameterLocation.Header, Description = description, Schema = schema };
}
