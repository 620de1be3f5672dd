using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Completions;
using Gemma3Server.Api.Embeddings;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Health;
using Gemma3Server.Api.Models;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Api.Plan;
using Gemma3Server.Api.Responses;
using Gemma3Server.Api.Tokens;

namespace Gemma3Server.Api;

/// <summary>The order in which a request passes through the API.</summary>
internal static class ApiPipeline
{
    public static void UseGemma3Api(this WebApplication app)
    {
        // Logged outermost, so that the line has the final status; shaped next, so that every refusal below has the OpenAI shape.
        app.UseMiddleware<RequestLogMiddleware>();
        app.UseMiddleware<ErrorResponseMiddleware>();
        app.UseCrossOrigin();
        app.UseMiddleware<ApiKeyMiddleware>();
        app.UseOpenApiDocument();
        app.UseRouting();
        ChatCompletionsEndpoint.Map(app);
        CompletionsEndpoint.Map(app);
        EmbeddingsEndpoint.Map(app);
        ChatPromptEndpoint.Map(app);
        TokensEndpoint.Map(app);
        ResponsesEndpoint.Map(app);
        StoredResponsesEndpoint.Map(app);
        ModelsEndpoint.Map(app);
        ModelOrdersEndpoint.Map(app);
        PlanEndpoint.Map(app);
        HealthEndpoint.Map(app);
    }
}
