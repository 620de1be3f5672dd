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
        if (ApiRoutes.NeedsKey("/" + path) || ApiRoutes.NeedsAdminKey("/" + path))
            operation.Security = [new() { [new OpenApiSecuritySchemeReference(OpenApiDocument.KeyScheme, context.Document)] = [] }];
        foreach (var (status, response) in operation.Responses?.AsEnumerable() ?? [])
        {
            if (response is not OpenApiResponse answer) continue;
            AddHeader(answer, RequestId.Header, "Id of the request: the one that was sent, or a fresh one.");
            if (status is "429" or "503") AddHeader(answer, "Retry-After", "Seconds after which it is worth trying again.");
        }

        foreach (var field in context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<QueryParameter>())
        {
            operation.Parameters ??= [];
            operation.Parameters.Add(new OpenApiParameter { Name = field.Name, In = ParameterLocation.Query, Description = field.Description, Schema = SchemaParts.Text() });
        }

        if (context.ApiDescription.ActionDescriptor.EndpointMetadata.OfType<GenerationRoute>().FirstOrDefault() is not { } route) return;

        operation.Parameters ??= [];
        operation.Parameters.Add(Header(
            ChatHeaders.StrictName, "1: fields that have no effect are an error instead of being named in x-ignored-params.", SchemaParts.Words("1")));
        if (route.Event is not null)
        {
            operation.Parameters.Add(Header(
                ChatHeaders.DeterministicName,
                "1: the answer depends on the request alone, never on the load; computed apart from others, so slower. Refused where conversations share "
                + "cells, the default where a GPU has all layers; the setting Runtime:SharedCells=false gives each its own.",
                SchemaParts.Words("0", "1")));
        }

        operation.Parameters.Add(Header(
            ChatHeaders.TimeoutName, "Seconds until the answer ends with what it has (finish_reason length), or with 504 if it has not begun.",
            new OpenApiSchema { Type = JsonSchemaType.Number, ExclusiveMinimum = "0", Maximum = "86400" }));
        if (operation.Responses?["200"] is not OpenApiResponse { Content: { } content } ok) return;
        AddHeader(ok, ChatCompletionsEndpoint.IgnoredHeader, "Given fields that have no effect, separated by commas; absent when there are none.");

        // Each "data:" line of a stream.
        if (route.Event is { } type)
            content["text/event-stream"] = new OpenApiMediaType { Schema = context.SchemaGenerator.GenerateSchema(type, context.SchemaRepository) };
    }

    private static void AddHeader(OpenApiResponse response, string name, string description)
    {
        response.Headers ??= new Dictionary<string, IOpenApiHeader>();
        response.Headers[name] = new OpenApiHeader { Description = description, Schema = SchemaParts.Text() };
    }

    private static OpenApiParameter Header(string name, string description, OpenApiSchema schema) =>
        new() { Name = name, In = ParameterLocation.Header, Description = description, Schema = schema };
}
