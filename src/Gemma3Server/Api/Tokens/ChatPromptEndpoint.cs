using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Chat;

namespace Gemma3Server.Api.Tokens;

/// <summary>
/// <c>POST /apply-template</c> and <c>POST /v1/chat/completions/input_tokens</c>: what a chat request would give the model, without a
/// generation. They take the bodies of chat requests and refuse what those refuse.
/// </summary>
internal sealed class ChatPromptEndpoint(ModelCalls calls)
{
    public const string TemplatePath = "/apply-template";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost(TemplatePath, (HttpContext context, ChatPromptEndpoint endpoint) => endpoint.ApplyAsync(context))
            .WithName("applyTemplate").WithTags("Tokens").WithSummary("Gives the prompt that a conversation becomes, as text and as tokens.")
            .Accepts<ChatCompletionRequest>("application/json").Produces<TemplateResponse>().ProducesErrors().WithMetadata(new GenerationRoute(Event: null));
        routes.MapPost("/v1/chat/completions/input_tokens", (HttpContext context, ChatPromptEndpoint endpoint) => endpoint.CountAsync(context))
            .WithName("countChatCompletionInputTokens").WithTags("Chat").WithSummary("Counts the prompt tokens of a chat request.")
            .Accepts<ChatCompletionRequest>("application/json").Produces<InputTokensResponse>().ProducesErrors().WithMetadata(new GenerationRoute(Event: null));
    }

    private async Task ApplyAsync(HttpContext context)
    {
        if (await ParseAsync(context) is not { } chat) return;
        await context.Response.WriteJsonAsync(new TemplateResponse(chat.Prompt(), chat.Request.PromptTokens), OpenAiJsonContext.Relaxed.TemplateResponse);
    }

    private async Task CountAsync(HttpContext context)
    {
        if (await ParseAsync(context) is not { } chat) return;
        await context.Response.WriteJsonAsync(new InputTokensResponse(chat.Request.PromptTokens.Length), OpenAiJsonContext.Relaxed.InputTokensResponse);
    }

    /// <summary>The chat request; null when it has been refused.</summary>
    private async Task<ParsedChat?> ParseAsync(HttpContext context)
    {
        using var call = await calls.OpenAsync(context);
        if (call is null) return null;
        var parsed = await call.Session.Chat.ParseAsync(call.Body, call.Headers, ClientIdentity.Of(context), context.RequestAborted);
        if (!parsed.IsChat)
        {
            await context.Response.WriteErrorAsync(parsed.Error);
            return null;
        }

        context.Response.NameIgnored(parsed.Chat.IgnoredParameters);
        return parsed.Chat;
    }
}
