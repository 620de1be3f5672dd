using System.Text.Json;

namespace Gemma3Server.Tests.Support.Shapes;

/// <summary>
/// Facts of OpenAI's published API description (openai/openai-openapi) that bodies and events of the Responses API must agree with. Extensions of
/// ours are listed as such.
/// </summary>
internal static class ResponseShapes
{
    private static readonly JsonShape Bytes = Shape.Nullable(Shape.List(Shape.Integer(0, 255), 1));

    private static readonly JsonShape Logprobs = Shape.List(Shape.Object(
        ("token", Shape.Text), ("logprob", Shape.Number), ("bytes", Bytes),
        ("top_logprobs", Shape.List(Shape.Object(("token", Shape.Text), ("logprob", Shape.Number), ("bytes", Bytes)), 0, 20))));

    private static readonly JsonShape OutputText = Shape.Object(
        ("type", Shape.Words("output_text")), ("text", Shape.Text), ("annotations", Shape.List(Shape.Null, 0, 0)), ("logprobs", Logprobs));

    private static readonly JsonShape InputText = Shape.Object(("type", Shape.Words("input_text")), ("text", Shape.Text));

    private static readonly JsonShape Anything = (_, _) => { };

    private static readonly JsonShape Tool = Shape.Object(
        ("type", Shape.Words("function")), ("name", Shape.Text), ("description?", Shape.Text), ("parameters?", Anything), ("strict?", Shape.Flag));

    private static readonly JsonShape Status = Shape.Words("in_progress", "completed", "incomplete");

    private static readonly JsonShape Call = Shape.Object(
        ("id", Shape.Prefixed("fc_")), ("type", Shape.Words("function_call")), ("status", Status), ("call_id", Shape.Prefixed("call_")),
        ("name", Shape.Text), ("arguments", Shape.Text));

    private static readonly JsonShape CallOutput = Shape.Object(
        ("id", Shape.Prefixed("fco_")), ("type", Shape.Words("function_call_output")), ("status", Status), ("call_id", Shape.Text), ("output", Shape.Text));

    private static readonly JsonShape Message = Shape.Object(
        ("id", Shape.Prefixed("msg_")), ("type", Shape.Words("message")), ("role", Shape.Words("assistant")),
        ("status", Shape.Words("in_progress", "completed", "incomplete")), ("content", Shape.List(OutputText)));

    private static readonly JsonShape OutputItem = (value, path) => (value.Type() == "function_call" ? Call : Message)(value, path);

    private static readonly JsonShape InputItem = (value, path) =>
    {
        if (value.Type() == "function_call_output") CallOutput(value, path);
        else if (value.Type() == "function_call") Call(value, path);
        else if (value.GetProperty("role").GetString() == "assistant") OutputItem(value, path);
        else
        {
            Shape.Object(
                ("id", Shape.Prefixed("msg_")), ("type", Shape.Words("message")), ("role", Shape.Words("user", "system", "developer")),
                ("status", Shape.Words("in_progress", "completed", "incomplete")), ("content", Shape.List(InputText, 1)))(value, path);
        }
    };

    private static readonly JsonShape Usage = Shape.Object(
        ("input_tokens", Shape.Integer(1)),
        ("input_tokens_details", Shape.Object(("cached_tokens", Shape.Integer()), ("cache_write_tokens", Shape.Integer()))),
        ("output_tokens", Shape.Integer()), ("output_tokens_details", Shape.Object(("reasoning_tokens", Shape.Integer()))), ("total_tokens", Shape.Integer(1)),
        ("cache_explanation?", OpenAiShapes.CacheExplanation)); // an extension

    private static readonly JsonShape Format = Shape.Object(
        ("type", Shape.Words("text", "json_object", "json_schema")), ("name?", Shape.Text), ("description?", Shape.Text),
        ("strict?", Shape.Nullable(Shape.Flag)), ("schema?", Anything));

    private static readonly JsonShape Response = Shape.Object(
        ("id", Shape.Prefixed("resp_")), ("object", Shape.Words("response")), ("created_at", Shape.Integer(1)),
        ("status", Shape.Words("completed", "failed", "in_progress", "cancelled", "queued", "incomplete")),
        ("background?", Shape.Flag), ("completed_at?", Shape.Nullable(Shape.Integer(1))),
        ("error", Shape.Nullable(Shape.Object(
            ("code", Shape.Words("server_error", "rate_limit_exceeded", "invalid_prompt")), ("message", Shape.Text)))),
        ("incomplete_details", Shape.Nullable(Shape.Object(("reason", Shape.Words("max_output_tokens", "content_filter"))))),
        ("instructions", Shape.Nullable(Shape.Text)), ("max_output_tokens?", Shape.Nullable(Shape.Integer(1))),
        ("max_tool_calls?", Shape.Nullable(Shape.Integer())), ("model", Shape.Text), ("output", Shape.List(OutputItem)),
        ("parallel_tool_calls", Shape.Flag), ("previous_response_id?", Shape.Nullable(Shape.Prefixed("resp_"))),
        ("prompt_cache_key?", Shape.Nullable(Shape.Text)),
        ("reasoning?", Shape.Nullable(Shape.Object(("effort?", Shape.Nullable(Shape.Text)), ("summary?", Shape.Nullable(Shape.Text))))),
        ("safety_identifier?", Shape.Nullable(Shape.Text)), ("service_tier?", Shape.Words("auto", "default", "flex", "scale", "priority")),
        ("store?", Shape.Flag), ("temperature", Shape.Number),
        ("text?", Shape.Object(("format?", Format), ("verbosity?", Shape.Words("low", "medium", "high")))),
        ("tool_choice", Anything), ("tools", Shape.List(Tool)), ("top_logprobs?", Shape.Integer(0, 20)),
        ("top_p", Shape.Number), ("truncation?", Shape.Words("auto", "disabled")), ("usage?", Shape.Nullable(Usage)), ("user?", Shape.Nullable(Shape.Text)),
        ("metadata", Metadata));

    private static readonly (string Name, JsonShape Shape)[] Place =
        [("item_id", Shape.Prefixed("msg_")), ("output_index", Shape.Integer()), ("content_index", Shape.Integer())];

    /// <summary>By the value of <c>type</c>, without what all events have.</summary>
    private static readonly Dictionary<string, (string Name, JsonShape Shape)[]> Events = new()
    {
        ["response.created"] = [("response", Response)],
        ["response.queued"] = [("response", Response)],
        ["response.in_progress"] = [("response", Response)],
        ["response.completed"] = [("response", Response)],
        ["response.incomplete"] = [("response", Response)],
        ["response.failed"] = [("response", Response)],
        ["response.output_item.added"] = [("output_index", Shape.Integer()), ("item", OutputItem)],
        ["response.output_item.done"] = [("output_index", Shape.Integer()), ("item", OutputItem)],
        ["response.content_part.added"] = [.. Place, ("part", OutputText)],
        ["response.content_part.done"] = [.. Place, ("part", OutputText)],
        ["response.output_text.delta"] = [.. Place, ("delta", Shape.Text), ("logprobs", Logprobs)],
        ["response.output_text.done"] = [.. Place, ("text", Shape.Text), ("logprobs", Logprobs)],
        ["response.function_call_arguments.delta"] =
            [("item_id", Shape.Prefixed("fc_")), ("output_index", Shape.Integer()), ("delta", Shape.Text)],
        ["response.function_call_arguments.done"] =
            [("item_id", Shape.Prefixed("fc_")), ("output_index", Shape.Integer()), ("name", Shape.Text), ("arguments", Shape.Text)],
        ["error"] = [("code", Shape.Nullable(Shape.Text)), ("message", Shape.Text), ("param", Shape.Nullable(Shape.Text))],
    };

    /// <summary>Checks a body or a stream of the Responses API; false when it is something else.</summary>
    public static bool TryCheck(string text)
    {
        if (text.StartsWith("event: ", StringComparison.Ordinal))
        {
            CheckEvents(ResponseElements.Events(text));
            return true;
        }

        if (!text.StartsWith('{')) return false;
        using var document = JsonDocument.Parse(text);
        var body = document.RootElement;
        var name = body.TryGetProperty("object", out var value) ? value.GetString() : null;
        JsonShape? shape = name switch
        {
            "response" when body.TryGetProperty("deleted", out _) => Shape.Object(("id", Shape.Text), ("object", Shape.Text), ("deleted", Shape.Flag)),
            "response" => Response,
            "response.input_tokens" => Shape.Object(("object", Shape.Text), ("input_tokens", Shape.Integer(1))),
            "list" when body.TryGetProperty("has_more", out _) => Shape.Object(
                ("object", Shape.Text), ("data", Shape.List(InputItem)), ("has_more", Shape.Flag),
                ("first_id", Shape.Nullable(Shape.Text)), ("last_id", Shape.Nullable(Shape.Text))),
            _ => null,
        };
        shape?.Invoke(body, "body");
        return shape is not null;
    }

    /// <summary>Each event by itself, and that they tell one story: numbers without gaps, one response, deltas that add up, nothing after the end.</summary>
    private static void CheckEvents(List<JsonElement> events)
    {
        var (deltas, whole) = ("", events.Count > 0 && events[0].GetProperty("sequence_number").GetInt32() == 0);
        string? id = null;
        for (var i = 0; i < events.Count; i++)
        {
            var (told, type) = (events[i], events[i].Type());
            Assert.True(Events.TryGetValue(type, out var fields), $"unknown event {type}");
            Shape.Object([("type", Shape.Text), ("sequence_number", Shape.Integer()), .. fields!])(told, $"event {i}");
            Assert.Equal(events[0].GetProperty("sequence_number").GetInt32() + i, told.GetProperty("sequence_number").GetInt32());
            if (told.TryGetProperty("response", out var response)) Assert.Equal(id ??= response.Id(), response.Id());
            if (type == "response.output_text.delta") deltas += told.GetProperty("delta").GetString();
            if (type == "response.output_text.done" && whole) Assert.Equal(deltas, told.GetProperty("text").GetString());
            if (type is "response.completed" or "response.incomplete" or "response.failed")
            {
                Assert.Equal(events.Count - 1, i);
                Assert.Equal(type["response.".Length..], response.Status());
                if (whole) Assert.Equal(deltas, response.Text());
            }
        }

        if (whole) Assert.Equal("response.created", events[0].Type());
    }

    private static void Metadata(JsonElement value, string path)
    {
        Assert.Equal(JsonValueKind.Object, value.ValueKind);
        foreach (var pair in value.EnumerateObject()) Shape.Text(pair.Value, $"{path}.{pair.Name}");
    }
}
