using System.Net;
using System.Text.Json;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api.Responses;

/// <summary>What a client gets from one request: whole bodies and whole streams.</summary>
public sealed class ResponseTests
{
    private const string Usage = """{"input_tokens":18,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":18},"output_tokens":5,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":23,"cache_explanation":{"reused_tokens":0,"source":"none","diverged_at":0,"reason":"never_seen"}}""";

    [Fact]
    public async Task Post_WholeAnswer_HasOpenAiBody()
    {
        await using var server = await TestServer.StartAsync("Hé!");
        using var response = await server.RespondAsync(ResponseCalls.Body());
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        Assert.False(response.Headers.Contains("x-ignored-params"));
        Assert.Equal(
            Body("completed", Item("completed", "Hé!"), "1800000000", Usage),
            await Task.FromResult(response).TextAsync());
    }

    [Fact]
    public async Task Post_Stream_HasOpenAiEvents()
    {
        await using var server = await TestServer.StartAsync("Hé!");
        using var response = await server.RespondAsync(ResponseCalls.Body("\"stream\":true"));
        Assert.Equal("text/event-stream; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("no-cache", response.Headers.CacheControl?.ToString());
        Assert.Equal("no", response.Headers.GetValues("X-Accel-Buffering").Single());
        const string Place = "\"item_id\":\"msg_ID\",\"output_index\":0,\"content_index\":0";
        Assert.Equal(
            string.Concat(
                Event(0, "response.created", "\"response\":" + Body("in_progress")),
                Event(1, "response.in_progress", "\"response\":" + Body("in_progress")),
                Event(2, "response.output_item.added", "\"output_index\":0,\"item\":" + """{"id":"msg_ID","type":"message","status":"in_progress","content":[],"role":"assistant"}"""),
                Event(3, "response.content_part.added", $"{Place},\"part\":{Part("")}"),
                Event(4, "response.output_text.delta", $"{Place},\"delta\":\"H\",\"logprobs\":[]"),
                Event(5, "response.output_text.delta", $"{Place},\"delta\":\"é\",\"logprobs\":[]"),
                Event(6, "response.output_text.delta", $"{Place},\"delta\":\"!\",\"logprobs\":[]"),
                Event(7, "response.output_text.done", $"{Place},\"text\":\"Hé!\",\"logprobs\":[]"),
                Event(8, "response.content_part.done", $"{Place},\"part\":{Part("Hé!")}"),
                Event(9, "response.output_item.done", $"\"output_index\":0,\"item\":{Item("completed", "Hé!")}"),
                Event(10, "response.completed", "\"response\":" + Body("completed", Item("completed", "Hé!"), "1800000000", Usage))),
            await Task.FromResult(response).TextAsync());
    }

    [Fact]
    public async Task Post_EndOfTokens_IsIncomplete()
    {
        await using var server = await TestServer.StartAsync("abc");
        var body = await server.RespondAsync(ResponseCalls.Body("\"max_output_tokens\":2")).JsonAsync();
        Assert.Equal("incomplete", body.Status());
        Assert.Equal("""{"reason":"max_output_tokens"}""", body.GetProperty("incomplete_details").GetRawText());
        Assert.Equal(JsonValueKind.Null, body.GetProperty("completed_at").ValueKind);
        Assert.Equal("incomplete", body.GetProperty("output")[0].Status());
        Assert.Equal("ab", body.Text());

        var events = await server.RespondAsync(ResponseCalls.Body("\"max_output_tokens\":2,\"stream\":true")).EventsAsync();
        Assert.Equal("response.incomplete", events[^1].Type());
        Assert.Equal("ab", events[^1].GetProperty("response").Text());
    }

    [Fact]
    public async Task Post_WithoutMaxOutputTokens_RunsToTheEndOfTheContext()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { ContextLength = 64, Next = _ => FakeTokenizer.FirstByte + 'x' });
        var body = await server.RespondAsync(ResponseCalls.Body()).JsonAsync();
        Assert.Equal(("incomplete", 64), (body.Status(), body.GetProperty("usage").GetProperty("total_tokens").GetInt32()));
    }

    [Theory]
    [InlineData("\"Hi\"")]
    [InlineData("""[{"role":"user","content":"Hi"}]""")]
    [InlineData("""[{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}],"id":"msg_1","status":"completed"}]""")]
    [InlineData("""[{"type":"message","role":"user","content":[{"type":"input_text","text":"H"},{"type":"input_text","text":"i"}]}]""")]
    public async Task Post_FormsOfInput_MeanTheSame(string input)
    {
        await using var server = await TestServer.StartAsync("ok");
        var body = await server.RespondAsync(ResponseCalls.Body(input: input)).JsonAsync();
        Assert.Equal(("completed", "ok", 18), (body.Status(), body.Text(), body.InputTokens()));
    }

    [Fact]
    public async Task Post_HistoryAndInstructions_MakeThePromptThatChatMakes()
    {
        await using var server = await TestServer.StartAsync("ok");
        var body = await server.RespondAsync(ResponseCalls.Body("\"instructions\":\"Be kind.\"", """
            [{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"},
             {"type":"message","role":"assistant","id":"msg_x","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[],"logprobs":[]}]},
             {"role":"user","content":"And now?"}]
            """)).JsonAsync();
        using var chat = await server.PostAsync("""
            {"messages":[{"role":"system","content":"Be kind."},{"role":"developer","content":"Be brief."},{"role":"user","content":"Hi"},
             {"role":"assistant","content":"Hello"},{"role":"user","content":"And now?"}]}
            """);
        using var answer = JsonDocument.Parse(await TestServer.ReadAsync(chat));
        var usage = answer.RootElement.GetProperty("usage");
        Assert.Equal(usage.GetProperty("prompt_tokens").GetInt32(), body.InputTokens());

        // All but the token that is computed for its logits has been computed for the response: the prompts are equal.
        Assert.Equal(body.InputTokens() - 1, usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
        Assert.Equal("Be kind.", body.GetProperty("instructions").GetString());
    }

    [Fact]
    public async Task Post_Fields_AreGivenBack()
    {
        await using var server = await TestServer.StartAsync("ok");
        using var response = await server.RespondAsync(ResponseCalls.Body("""
            "temperature":0.5,"top_p":0.25,"metadata":{"a":"1","ü":"2"},"parallel_tool_calls":false,"tool_choice":"none","tools":[],
            "truncation":"auto","text":{"format":{"type":"text"},"verbosity":"low"},"reasoning":{"effort":"low","summary":"auto"},
            "max_output_tokens":7,"user":"u","safety_identifier":"s","prompt_cache_key":"k","service_tier":"flex","store":false
            """));
        var body = await Task.FromResult(response).JsonAsync();
        foreach (var (name, value) in new[]
        {
            ("temperature", "0.5"), ("top_p", "0.25"), ("metadata", """{"a":"1","ü":"2"}"""), ("parallel_tool_calls", "false"),
            ("tool_choice", "\"none\""), ("tools", "[]"), ("truncation", "\"auto\""), ("text", """{"format":{"type":"text"},"verbosity":"low"}"""),
            ("reasoning", """{"effort":"low","summary":"auto"}"""), ("max_output_tokens", "7"), ("user", "\"u\""),
            ("safety_identifier", "\"s\""), ("prompt_cache_key", "\"k\""), ("service_tier", "\"flex\""), ("store", "false"),
        }) Assert.Equal(value, body.GetProperty(name).GetRawText());
        Assert.Equal("prompt_cache_key,reasoning.effort,reasoning.summary,safety_identifier,text.verbosity,user",
            response.Headers.GetValues("x-ignored-params").Single());
    }

    [Fact]
    public async Task Post_FieldsWithoutEffect_AreNamedAndRefusedWhenStrict()
    {
        await using var server = await TestServer.StartAsync("ok");
        const string Fields = """
            "include":["reasoning.encrypted_content"],"top_logprobs":2,"max_tool_calls":3,"my_field":1,"stream":true,
            "stream_options":{"include_obfuscation":true},"reasoning":{"effort":"none"},"parallel_tool_calls":true,"conversation":null
            """;
        const string Input = """[{"type":"reasoning","id":"rs_1","summary":[]},{"role":"user","content":"Hi","phase":"final_answer"}]""";
        using var response = await server.RespondAsync(ResponseCalls.Body(Fields, Input));
        Assert.Equal(
            "include[reasoning.encrypted_content],input[].phase,input[].reasoning,max_tool_calls,my_field,stream_options.include_obfuscation,top_logprobs",
            response.Headers.GetValues("x-ignored-params").Single());
        using var strict = await server.RespondAsync(ResponseCalls.Body("\"max_tool_calls\":3"), ("x-strict", "1"));
        Assert.Equal(
            """{"error":{"message":"'max_tool_calls' has no effect on this server.","type":"invalid_request_error","param":"max_tool_calls","code":"unsupported_parameter"}}""",
            await TestServer.ErrorAsync(strict, HttpStatusCode.BadRequest));
        using var query = await server.SendAsync(HttpMethod.Get, "/v1/responses/resp_x?speed=1", null, ("x-strict", "1"));
        Assert.Contains("'speed' has no effect", await TestServer.ErrorAsync(query, HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Post_LogProbs_AreInEventsAndBody()
    {
        await using var server = await TestServer.StartAsync("ab");
        const string Fields = "\"include\":[\"message.output_text.logprobs\"],\"top_logprobs\":2";
        var body = await server.RespondAsync(ResponseCalls.Body(Fields)).JsonAsync();
        var logprobs = body.GetProperty("output")[0].GetProperty("content")[0].GetProperty("logprobs");
        Assert.Equal(["a", "b"], logprobs.EnumerateArray().Select(token => token.GetProperty("token").GetString()));
        Assert.All(logprobs.EnumerateArray(), token => Assert.Equal(2, token.GetProperty("top_logprobs").GetArrayLength()));
        Assert.Equal([97], logprobs[0].GetProperty("bytes").EnumerateArray().Select(value => value.GetInt32()));
        Assert.Equal(2, body.GetProperty("top_logprobs").GetInt32());

        var events = await server.RespondAsync(ResponseCalls.Body(Fields + ",\"stream\":true")).EventsAsync();
        var deltas = events.Where(told => told.Type() == "response.output_text.delta").ToList();
        Assert.Equal(["a", "b"], deltas.Select(delta => Assert.Single(delta.GetProperty("logprobs").EnumerateArray()).GetProperty("token").GetString()));
        Assert.Equal(logprobs.GetRawText(), events.Single(told => told.Type() == "response.output_text.done").GetProperty("logprobs").GetRawText());
    }

    [Fact]
    public async Task Post_SameSeed_StreamConcatenatesToTheWholeAnswer()
    {
        await using var server = await TestServer.StartAsync();
        const string Fields = "\"seed\":7,\"max_output_tokens\":40,\"ignore_eos\":true";
        var whole = await server.RespondAsync(ResponseCalls.Body(Fields)).JsonAsync();
        var events = await server.RespondAsync(ResponseCalls.Body(Fields + ",\"stream\":true")).EventsAsync();
        Assert.Equal(whole.Text(), string.Concat(events.Where(told => told.Type() == "response.output_text.delta").Select(told => told.GetProperty("delta").GetString())));
        Assert.Equal(Enumerable.Range(0, events.Count), events.Select(told => told.GetProperty("sequence_number").GetInt32()));
    }

    [Fact]
    public async Task InputTokens_OfARequest_AreThoseItWouldUse()
    {
        await using var server = await TestServer.StartAsync("ok");
        var body = ResponseCalls.Body("\"instructions\":\"Be kind.\"", "\"How are you?\"");
        var counted = await server.SendAsync(HttpMethod.Post, "/v1/responses/input_tokens", body).TextAsync();
        var used = (await server.RespondAsync(body).JsonAsync()).InputTokens();
        Assert.Equal($$"""{"object":"response.input_tokens","input_tokens":{{used}}}""", counted);
    }

    private static string Body(string status, string output = "", string completedAt = "null", string usage = "null") =>
        $$$"""{"id":"resp_ID","object":"response","created_at":1800000000,"status":"{{{status}}}","background":false,"completed_at":{{{completedAt}}},"error":null,"incomplete_details":null,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":"gemma-test","output":[{{{output}}}],"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"service_tier":"default","store":true,"temperature":1,"text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":0.95,"truncation":"disabled","usage":{{{usage}}},"user":null,"metadata":{}}""";

    private static string Item(string status, string text) =>
        $$"""{"id":"msg_ID","type":"message","status":"{{status}}","content":[{{Part(text)}}],"role":"assistant"}""";

    private static string Part(string text) => $$"""{"type":"output_text","annotations":[],"logprobs":[],"text":"{{text}}"}""";

    private static string Event(int number, string type, string fields) =>
        $"event: {type}\ndata: {{\"type\":\"{type}\",\"sequence_number\":{number},{fields}}}\n\n";
}
