using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Api.Completions;
using Gemma3Server.Api.Embeddings;
using Gemma3Server.Api.Errors;
using Gemma3Server.Api.Health;
using Gemma3Server.Api.Models;
using Gemma3Server.Api.Responses;
using Gemma3Server.Api.Tokens;
using Gemma3Server.Planning;

namespace Gemma3Server.Api;

/// <summary>The JSON of the OpenAI protocol: snake case, no absent optional fields, text as it is rather than <c>\u</c>-escaped.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(ChatCompletionRequest))]
[JsonSerializable(typeof(List<ChatMessage>))]
[JsonSerializable(typeof(ChatCompletionResponse))]
[JsonSerializable(typeof(ChatCompletionChunk))]
[JsonSerializable(typeof(ChatCompletionChunkWithUsage))]
[JsonSerializable(typeof(CompletionRequest))]
[JsonSerializable(typeof(CompletionBody))]
[JsonSerializable(typeof(CompletionBodyWithUsage))]
[JsonSerializable(typeof(EmbeddingsRequest))]
[JsonSerializable(typeof(EmbeddingsResponse))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(ModelList))]
[JsonSerializable(typeof(ModelOrder))]
[JsonSerializable(typeof(ModelOrderDone))]
[JsonSerializable(typeof(PlanReport))]
[JsonSerializable(typeof(TokenizeRequest))]
[JsonSerializable(typeof(TokenizeResponse))]
[JsonSerializable(typeof(DetokenizeRequest))]
[JsonSerializable(typeof(DetokenizeResponse))]
[JsonSerializable(typeof(TemplateResponse))]
[JsonSerializable(typeof(InputTokensResponse))]
[JsonSerializable(typeof(HealthReport))]
[JsonSerializable(typeof(ResponseRequest))]
[JsonSerializable(typeof(ResponseBody))]
[JsonSerializable(typeof(ResponseEvent))]
[JsonSerializable(typeof(ResponseErrorEvent))]
[JsonSerializable(typeof(ResponseItemList))]
[JsonSerializable(typeof(ResponseInputTokens))]
[JsonSerializable(typeof(DeletedResponse))]
[JsonSerializable(typeof(IReadOnlyList<ResponseItem>))]
[JsonSerializable(typeof(IReadOnlyList<ResponseDelta>))]
internal sealed partial class OpenAiJsonContext : JsonSerializerContext
{
    /// <summary>Leaves letters of all scripts alone; safe because the bodies are JSON, never part of an HTML page.</summary>
    public static JavaScriptEncoder Encoder => JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>The context with <see cref="Encoder"/>, which an attribute cannot name.</summary>
    public static OpenAiJsonContext Relaxed => RelaxedContext.Instance;

    // A class of its own, since the order in which a partial class initializes its statics is undefined.
    private static class RelaxedContext
    {
        public static readonly OpenAiJsonContext Instance = new(new JsonSerializerOptions(Default.Options!) { Encoder = Encoder });
    }
}
