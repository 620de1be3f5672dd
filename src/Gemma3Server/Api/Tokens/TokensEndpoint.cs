using System.Text;
using System.Text.Json;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.OpenApi;
using Gemma3Server.Chat;
using Gemma3Server.Prompts;

namespace Gemma3Server.Api.Tokens;

/// <summary><c>POST /tokenize</c> and <c>POST /detokenize</c>.</summary>
internal sealed class TokensEndpoint(ModelCalls calls, Tokenizations tokenizations)
{
    public const string TokenizePath = "/tokenize";

    public const string DetokenizePath = "/detokenize";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost(TokenizePath, (HttpContext context, TokensEndpoint endpoint) => endpoint.TokenizeAsync(context))
            .WithName("tokenize").WithTags("Tokens").WithSummary("Gives the tokens of a text.")
            .Accepts<TokenizeRequest>("application/json").Produces<TokenizeResponse>().ProducesErrors().WithMetadata(new GenerationRoute(Event: null));
        routes.MapPost(DetokenizePath, (HttpContext context, TokensEndpoint endpoint) => endpoint.DetokenizeAsync(context))
            .WithName("detokenize").WithTags("Tokens").WithSummary("Gives the text of tokens.")
            .Accepts<DetokenizeRequest>("application/json").Produces<DetokenizeResponse>().ProducesErrors().WithMetadata(new GenerationRoute(Event: null));
    }

    private async Task TokenizeAsync(HttpContext context)
    {
        using var call = await calls.OpenAsync(context);
        if (call is null) return;
        var checks = new FieldChecks();
        if (!RequestBodyReader.TryRead(call.Body, OpenAiJsonContext.Default.TokenizeRequest, out var request, out var error))
        {
            await context.Response.WriteErrorAsync(error);
            return;
        }

        if (request.Others?.ContainsKey("messages") == true)
            checks.Add(OpenAiError.UnsupportedParameter("messages", $"'messages' belongs to {ChatPromptEndpoint.TemplatePath}, which gives the tokens of a conversation."));
        if (request.ParseSpecial == true)
            checks.Add(OpenAiError.UnsupportedValue("parse_special", "'parse_special' must be false on this server: text that spells a control token stays text."));
        var text = ReadText("content", request.Content, checks) ?? ReadText("prompt", request.Prompt, checks);
        if (request.Content is null && request.Prompt is null) checks.Add(OpenAiError.Missing("content"));
        if (request.Content is not null && request.Prompt is not null)
            checks.Add(OpenAiError.OutOfRange("prompt", "'content' and 'prompt' must not both be given: they are two names of one field."));
        if (request.AddSpecial is { } special && request.AddSpecialTokens is { } same && special != same)
            checks.Add(OpenAiError.OutOfRange("add_special_tokens", "'add_special' and 'add_special_tokens' must not have different values: they are two names of one field."));
        if (!await AcceptAsync(context, call.Headers, request.Others, checks)) return;

        var tokenizer = call.Engine.Tokenizer!;
        var begins = request.AddSpecial ?? request.AddSpecialTokens ?? request.Prompt is not null;
        var tokens = await tokenizations.RunAsync(() => tokenizer.Tokenize(text!), context.RequestAborted);
        if (begins) tokens = [tokenizer.BeginOfSequence, .. tokens];
        var texts = new TokenText(tokenizer);
        await context.Response.WriteJsonAsync(
            new TokenizeResponse(
                Array.ConvertAll(tokens, token => request.WithPieces == true ? TokenPiece.Of(token, texts) : new(token, null, null)),
                tokens.Length,
                call.Engine.Limits!.ContextLength,
                request.ReturnTokenStrs == true ? Array.ConvertAll(tokens, token => texts.Of(token).Text) : null),
            OpenAiJsonContext.Relaxed.TokenizeResponse);
    }

    private async Task DetokenizeAsync(HttpContext context)
    {
        using var call = await calls.OpenAsync(context);
        if (call is null) return;
        if (!RequestBodyReader.TryRead(call.Body, OpenAiJsonContext.Default.DetokenizeRequest, out var request, out var error))
        {
            await context.Response.WriteErrorAsync(error);
            return;
        }

        var checks = new FieldChecks();
        var tokenizer = call.Engine.Tokenizer!;
        var tokens = Array.Empty<int>();
        if (request.Tokens is not { } given || given.IsNull()) checks.Add(OpenAiError.Missing("tokens"));
        else if (given.ValueKind != JsonValueKind.Array) checks.Add(OpenAiError.WrongType("tokens", "an array of token ids", given.Describe()));
        else if (given.GetArrayLength() > 0) tokens = RawPromptReader.ReadTokens("tokens", given, tokenizer, int.MaxValue, checks);
        if (!await AcceptAsync(context, call.Headers, request.Others, checks)) return;

        var texts = new TokenText(tokenizer);
        using var bytes = new MemoryStream(tokens.Length * 4);
        foreach (var token in tokens)
        {
            var piece = tokenizer.Piece(token);
            bytes.Write(piece.IsEmpty ? Encoding.UTF8.GetBytes(texts.Of(token).Text) : piece.Span);
        }

        // Whole characters only where the tokens have all their parts; the rest is replaced, as in every text.
        var text = Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
        await context.Response.WriteJsonAsync(new DetokenizeResponse(text, text), OpenAiJsonContext.Relaxed.DetokenizeResponse);
    }

    private static string? ReadText(string name, JsonElement? value, FieldChecks checks)
    {
        if (value is not { } given) return null;
        if (!given.TryGetText(out var text)) checks.Add(OpenAiError.WrongType(name, "a string", given.Describe()));
        return text;
    }

    /// <summary>Answers with the first fault, if there is one, and false; else names the fields without effect.</summary>
    private static async Task<bool> AcceptAsync(HttpContext context, ChatHeaders headers, IDictionary<string, JsonElement>? others, FieldChecks checks)
    {
        var ignored = new IgnoredParameters();
        ignored.AddAll("", others);
        if (headers.Strict) checks.Add(ignored.Refusal);
        if (checks.Error is not null)
        {
            await context.Response.WriteErrorAsync(checks.Error);
            return false;
        }

        context.Response.NameIgnored(ignored.Names);
        return true;
    }
}
