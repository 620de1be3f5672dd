using System.Text.Json;
using Gemma3Server.Hosting;
using Microsoft.AspNetCore.Http.Json;
using Microsoft.OpenApi;

namespace Gemma3Server.Api.OpenApi;

/// <summary>The OpenAPI document at <c>/swagger/v1/swagger.json</c> and its page at <c>/swagger</c>, made from the endpoints themselves.</summary>
internal static class OpenApiDocument
{
    /// <summary>Name of the security scheme that stands for API keys.</summary>
    public const string KeyScheme = "bearer";

    public static void AddOpenApiDocument(this IServiceCollection services)
    {
        // The document describes the bodies by the rules that (de)serialize them.
        services.Configure<JsonOptions>(json =>
        {
            json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower;
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, OpenAiJsonContext.Default);
        });
        services.AddEndpointsApiExplorer();
        services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc("v1", new()
            {
                Title = "Gemma3Server",
                Version = ServedModel.Version,
                Description = "OpenAI-compatible API for Gemma 3 checkpoints. Fields that are neither listed nor refused are named in the "
                    + "response header x-ignored-params; with the request header x-strict: 1 they are an error.",
            });
            swagger.AddSecurityDefinition(KeyScheme, new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = "Only when the server has API keys; for /models/... one of its admin keys.",
            });
            swagger.SupportNonNullableReferenceTypes();

            // A publish may leave the comments out; without the check every request would then fail, not only those for the document.
            var comments = Path.Combine(AppContext.BaseDirectory, "gemma3server.xml");
            if (File.Exists(comments)) swagger.IncludeXmlComments(comments);
            swagger.SchemaFilter<GenerationSchemaFilter>();
            swagger.SchemaFilter<ModelsSchemaFilter>();
            swagger.SchemaFilter<ChatSchemaFilter>();
            swagger.SchemaFilter<CompletionsSchemaFilter>();
            swagger.SchemaFilter<EmbeddingsSchemaFilter>();
            swagger.SchemaFilter<TokensSchemaFilter>();
            swagger.SchemaFilter<ResponseSchemaFilter>();
            swagger.OperationFilter<OperationFilter>();
        });
    }

    public static void UseOpenApiDocument(this WebApplication app)
    {
        app.UseSwagger(document => document.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1);
        app.UseSwaggerUI(page =>
        {
            page.DocumentTitle = "Gemma3Server";
            page.SwaggerEndpoint("v1/swagger.json", "Gemma3Server");
        });
    }
}
