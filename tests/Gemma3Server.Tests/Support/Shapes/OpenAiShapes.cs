using System.Text.Json;

namespace Gemma3Server.Tests.Support.Shapes;

/// <summary>
/// Facts of OpenAI's published API description (openai/openai-openapi, openapi.yaml) that our bodies must agree with: names, types, which fields
/// are required and which may be null. Extensions of ours are listed as such.
/// </summary>
internal static class OpenAiShapes
{
    private static readonly JsonShape Error = Shape.Object(
        ("error", Shape.Object(
            ("message", NotEmpty), ("type", NotEmpty), ("param", Shape.Nullable(NotEmpty)), ("code", NotEmpty))));

    private static readonly JsonShape TopLogprob = Shape.Object(
        ("token", Shape.Text), ("logprob", Shape.Number), ("bytes", Shape.Nullable(Shape.List(Shape.Integer(0, 255), 1))));

    private static readonly JsonShape Logprob = Shape.Object(
        ("token", Shape.Text), ("logprob", Shape.Number), ("bytes", Shape.Nullable(Shape.List(Shape.Integer(0, 255), 1))),
        ("top_logprobs", Shape.List(TopLogprob, 0, 20)));

    private static readonly JsonShape Logprobs = Shape.Object(("content", Shape.Nullable(Shape.List(Logprob))), ("refusal", Shape.Nullable(Shape.List(Logprob))));

    private static readonly JsonShape FinishReason = Shape.Words("stop", "length", "tool_calls", "content_filter", "function_call");

    private static readonly JsonShape ServiceTier = Shape.Words("auto", "default", "flex", "scale", "priority");

    /// <summary>An extension: what the prefix cache did.</summary>
    internal static readonly JsonShape CacheExplanation = Shape.Object(
        ("reused_tokens", Shape.Integer()), ("source", Shape.Words("idle", "fork", "host", "none")), ("diverged_at", Shape.Integer()),
        ("reason?", Shape.Words("never_seen", "evicted", "window_lost", "too_short", "disabled", "failed")));

    private static readonly JsonShape Usage = Shape.Object(
        ("prompt_tokens", Shape.Integer(1)), ("completion_tokens", Shape.Integer()), ("total_tokens", Shape.Integer(1)),
        ("prompt_tokens_details?", Shape.Object(("cached_tokens?", Shape.Integer()), ("audio_tokens?", Shape.Integer()))),
        ("completion_tokens_details?", Shape.Object(
            ("accepted_prediction_tokens?", Shape.Integer()), ("rejected_prediction_tokens?", Shape.Integer()),
            ("reasoning_tokens?", Shape.Integer()), ("audio_tokens?", Shape.Integer()))),
        ("cache_explanation?", CacheExplanation));

    private static readonly JsonShape Function = Shape.Object(("name", NotEmpty), ("arguments", Shape.Text));

    private static readonly JsonShape ToolCall = Shape.Object(("id", NotEmpty), ("type", Shape.Words("function")), ("function", Function));

    private static readonly JsonShape ToolCallChunk = Shape.Object(
        ("index", Shape.Integer()), ("id?", NotEmpty), ("type?", Shape.Words("function")),
        ("function?", Shape.Object(("name?", NotEmpty), ("arguments?", Shape.Text))));

    private static readonly JsonShape Message = Shape.Object(
        ("role", Shape.Words("assistant")), ("content", Shape.Nullable(Shape.Text)), ("refusal", Shape.Nullable(Shape.Text)),
        ("tool_calls?", Shape.List(ToolCall, 1)));

    private static readonly JsonShape Choice = Shape.Object(
        ("index", Shape.Integer()), ("message", Message), ("logprobs", Shape.Nullable(Logprobs)), ("finish_reason", FinishReason));

    /// <summary>Of the older completions API, whose finish reason the description does not make nullable, though streams have it null.</summary>
    private static readonly JsonShape TextChoice = Shape.Object(
        ("text", Shape.Text), ("index", Shape.Integer()), ("finish_reason", Shape.Nullable(Shape.Words("stop", "length", "content_filter"))),
        ("logprobs", Shape.Nullable(Shape.Object(
            ("tokens", Shape.List(Shape.Text)), ("token_logprobs", Shape.List(Shape.Number)), ("text_offset", Shape.List(Shape.Integer())),
            ("top_logprobs", Shape.List(Shape.Map(Shape.Number)))))));

    private static readonly JsonShape Delta = Shape.Object(
        ("role?", Shape.Words("assistant")), ("content?", Shape.Nullable(Shape.Text)), ("refusal?", Shape.Nullable(Shape.Text)),
        ("tool_calls?", Shape.List(ToolCallChunk, 1)));

    private static readonly JsonShape ChunkChoice = Shape.Object(
        ("index", Shape.Integer()), ("delta", Delta), ("logprobs?", Shape.Nullable(Logprobs)), ("finish_reason", Shape.Nullable(FinishReason)));

    /// <summary>By the value of <c>object</c>, which tells bodies apart.</summary>
    private static readonly Dictionary<string, JsonShape> ByObject = new()
    {
        ["chat.completion"] = Shape.Object(
            ("id", Shape.Prefixed("chatcmpl-")), ("object", Shape.Text), ("created", Shape.Integer(1)), ("model", NotEmpty),
            ("choices", Shape.List(Choice, 1)), ("usage?", Usage), ("system_fingerprint?", Shape.Text), ("service_tier?", Shape.Nullable(ServiceTier))),
        ["chat.completion.chunk"] = Shape.Object(
            ("id", Shape.Prefixed("chatcmpl-")), ("object", Shape.Text), ("created", Shape.Integer(1)), ("model", NotEmpty),
            ("choices", Shape.List(ChunkChoice)), ("usage?", Shape.Nullable(Usage)), ("system_fingerprint?", Shape.Text),
            ("service_tier?", Shape.Nullable(ServiceTier))),
        ["text_completion"] = Shape.Object(
            ("id", Shape.Prefixed("cmpl-")), ("object", Shape.Text), ("created", Shape.Integer(1)), ("model", NotEmpty),
            ("choices", Shape.List(TextChoice)), ("usage?", Shape.Nullable(Usage)), ("system_fingerprint?", Shape.Text)),
        ["list"] = CheckList,
        ["embedding"] = Shape.Object(
            ("object", Shape.Text), ("index", Shape.Integer()), ("embedding", Shape.Either(Shape.List(Shape.Number, 1), NotEmpty))),
        ["model"] = Shape.Object(
            ("id", NotEmpty), ("object", Shape.Text), ("created", Shape.Integer(1)), ("owned_by", NotEmpty)),
    };

    /// <summary>Checks a body: a whole one, or all events of a stream. Bodies that are not OpenAI's (health, the API's document) pass.</summary>
    public static void Check(string body)
    {
        if (ResponseShapes.TryCheck(body)) return;
        if (body.StartsWith("data: ", StringComparison.Ordinal) || body.StartsWith(": ", StringComparison.Ordinal)) CheckStream(body);
        else if (body.StartsWith('{')) CheckBody(JsonDocument.Parse(body).RootElement, "body");
    }

    private static void CheckStream(string body)
    {
        var events = body.Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Where(e => !e.StartsWith(": ", StringComparison.Ordinal)).ToList();
        var (id, created) = ((string?)null, (long?)null);
        var finished = new Dictionary<int, bool>();
        for (var i = 0; i < events.Count; i++)
        {
            Assert.StartsWith("data: ", events[i], StringComparison.Ordinal);
            Assert.DoesNotContain('\n', events[i]);
            var data = events[i]["data: ".Length..];
            if (data == "[DONE]")
            {
                Assert.Equal(events.Count - 1, i);
                Assert.All(finished, choice => Assert.True(choice.Value, $"choice {choice.Key} has no finish reason"));
                continue;
            }

            var chunk = JsonDocument.Parse(data).RootElement;
            CheckBody(chunk, $"event {i}");
            if (chunk.TryGetProperty("error", out _))
            {
                Assert.Equal(events.Count - 1, i);
                continue;
            }

            // One answer: the same id and time in all of its events, the role first, nothing after the finish reason.
            if (chunk.GetProperty("object").GetString() != "chat.completion.chunk") continue;
            Assert.Equal(id ??= chunk.GetProperty("id").GetString(), chunk.GetProperty("id").GetString());
            Assert.Equal(created ??= chunk.GetProperty("created").GetInt64(), chunk.GetProperty("created").GetInt64());
            foreach (var choice in chunk.GetProperty("choices").EnumerateArray())
            {
                var index = choice.GetProperty("index").GetInt32();
                Assert.Equal(!finished.ContainsKey(index), choice.GetProperty("delta").TryGetProperty("role", out _));
                Assert.False(finished.GetValueOrDefault(index), $"choice {index} goes on after its finish reason");
                finished[index] = choice.GetProperty("finish_reason").ValueKind != JsonValueKind.Null;
            }
        }
    }

    /// <summary>A list of embeddings says more than the others.</summary>
    private static void CheckList(JsonElement value, string path)
    {
        (string, JsonShape)[] always = [("object", Shape.Text), ("data", Shape.List(CheckBody))];
        var usage = Shape.Object(("prompt_tokens", Shape.Integer(1)), ("total_tokens", Shape.Integer(1)));
        Shape.Object(value.TryGetProperty("usage", out _) ? [.. always, ("model", NotEmpty), ("usage", usage)] : always)(value, path);
    }

    private static void CheckBody(JsonElement value, string path)
    {
        if (value.TryGetProperty("status", out _) && !value.TryGetProperty("object", out _)) return; // health, which is not OpenAI's
        if (value.TryGetProperty("error", out var error) && error.ValueKind != JsonValueKind.Null && !value.TryGetProperty("object", out _)) Error(value, path);
        else if (value.TryGetProperty("object", out var name) && ByObject.TryGetValue(name.GetString()!, out var shape)) shape(value, path);
    }

    private static void NotEmpty(JsonElement value, string path)
    {
        Shape.Text(value, path);
        Assert.False(string.IsNullOrEmpty(value.GetString()), $"{path} is empty");
    }
}
