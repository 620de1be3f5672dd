using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api.Responses;

/// <summary>Calls of functions and their outputs as items, in bodies, in streams and in what is stored.</summary>
public sealed class ResponseToolTests
{
    private const string Tools =
        "\"tools\":" + """[{"type":"function","name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}},{"type":"function","name":"get_time"}]""";

    private const string Calls = """{"name": "get_weather", "parameters": {"city": "Rome"}}""" + "\n" + """{"name": "get_time", "parameters": {}}""";

    [Fact]
    public async Task Post_Calls_AreItems()
    {
        await using var server = await TestServer.StartAsync("Ok.\n" + Calls);
        var body = await server.RespondAsync(ResponseCalls.Body(Tools)).JsonAsync();
        Assert.Equal("completed", body.Status());
        Assert.Equal(
            """[{"id":"msg_ID","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Ok."}],"role":"assistant"},{"id":"fc_IDc0000","type":"function_call","status":"completed","arguments":"{\"city\": \"Rome\"}","call_id":"call_ID","name":"get_weather"},{"id":"fc_IDc0001","type":"function_call","status":"completed","arguments":"{}","call_id":"call_ID","name":"get_time"}]""",
            ResponseCalls.WithoutIds(body.GetProperty("output").GetRawText()));
        Assert.Equal(2, body.GetProperty("tools").GetArrayLength());
    }

    [Fact]
    public async Task Post_StreamedCalls_HaveOpenAiEventsAlsoAgain()
    {
        await using var server = await TestServer.StartAsync("Ok.\n" + Calls);
        var events = await server.RespondAsync(ResponseCalls.Body(Tools + ",\"stream\":true")).EventsAsync();
        Assert.Equal(
            [
                "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta",
                "response.output_text.done", "response.content_part.done", "response.output_item.done",
                "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
                "response.output_item.added", "response.function_call_arguments.delta", "response.function_call_arguments.done", "response.output_item.done",
                "response.completed",
            ],
            events.Select(told => told.Type()).Aggregate(new List<string>(), (types, type) =>
            {
                if (types.Count == 0 || types[^1] != type || !type.EndsWith(".delta", StringComparison.Ordinal)) types.Add(type);
                return types;
            }));
        var deltas = string.Concat(events.Where(told => told.Type() == "response.function_call_arguments.delta" && told.GetProperty("output_index").GetInt32() == 1)
            .Select(told => told.GetProperty("delta").GetString()));
        Assert.Equal("{\"city\": \"Rome\"}", deltas);

        // What is stored tells the same story.
        var id = events[0].GetProperty("response").Id();
        var again = await server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}?stream=true").EventsAsync();
        Assert.Equal(events.Select(told => told.GetRawText()), again.Select(told => told.GetRawText()));
    }

    [Fact]
    public async Task Post_TruncatedConversation_DropsResultsWithTheirCalls()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { ContextLength = 300, Next = ScriptedReply.Of("ok") });
        await using var roomy = await TestServer.StartAsync("ok");
        const string Calls = """
            {"role":"user","content":"0"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call","call_id":"b","name":"g","arguments":"{}"},
            {"type":"function_call_output","call_id":"a","output":"1"},{"type":"function_call_output","call_id":"b","output":"2"},{"role":"assistant","content":"x"},
            """;
        var last = $$"""{"role":"user","content":"{{new string('3', 40)}}"}""";
        var kept = new HashSet<int>();
        for (var length = 0; length < 220; length += 10)
        {
            // Ever more of it has to go: nothing, the question, or all of the calls.
            var middle = $$"""{"role":"user","content":"{{new string('y', length)}}"},{"role":"assistant","content":"x"},""";
            var used = await TokensAsync("[" + Calls + middle + last + "]", "\"truncation\":\"auto\"");
            long[] wholes = [await CountAsync("[" + Calls + middle + last + "]"), await CountAsync("[" + middle + last + "]"), await CountAsync("[" + last + "]")];
            Assert.Contains(used, wholes);
            kept.Add(Array.IndexOf(wholes, used));
        }

        Assert.Equal([0, 1, 2], kept.Order());

        async Task<long> TokensAsync(string input, string fields) => (await server.RespondAsync(ResponseCalls.Body(fields, input)).JsonAsync()).InputTokens();

        async Task<long> CountAsync(string input) =>
            (await roomy.SendAsync(HttpMethod.Post, "/v1/responses/input_tokens", ResponseCalls.Body(input: input)).JsonAsync()).GetProperty("input_tokens").GetInt32();
    }

    [Fact]
    public async Task Post_EndOfTokensInACall_IsIncomplete()
    {
        await using var server = await TestServer.StartAsync(Calls);
        var body = await server.RespondAsync(ResponseCalls.Body(Tools + ",\"max_output_tokens\":50")).JsonAsync();
        Assert.Equal("incomplete", body.Status());
        var call = Assert.Single(body.GetProperty("output").EnumerateArray());
        Assert.Equal(("incomplete", "{\"city\": \"Ro"), (call.Status(), call.GetProperty("arguments").GetString()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_OutputsOfCalls_AreSeenByTheModel(bool stored)
    {
        var prompt = "";
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions
        {
            Next = held =>
            {
                prompt = string.Concat(held.Skip(1).Select(t => t >= FakeTokenizer.FirstByte ? $"{(char)(t - FakeTokenizer.FirstByte)}" : $"<{t}>"));
                return ScriptedReply.Of(prompt.Contains("tool_output", StringComparison.Ordinal) ? "Warm." : "Ok.\n" + Calls)(held);
            },
        });
        var first = await server.RespondAsync(ResponseCalls.Body(Tools)).JsonAsync();
        var items = first.GetProperty("output").EnumerateArray().ToList();
        var outputs = string.Join(',', items.Skip(1).Reverse().Select(item =>
            $$"""{"type":"function_call_output","call_id":"{{item.GetProperty("call_id").GetString()}}","output":"{{item.GetProperty("name").GetString()}}!"}"""));
        var second = stored
            ? await server.RespondAsync(ResponseCalls.Body($"{Tools},\"previous_response_id\":\"{first.Id()}\"", $"[{outputs}]")).JsonAsync()
            : await server.RespondAsync(ResponseCalls.Body(
                Tools, $$"""[{"role":"user","content":"Hi"},{{string.Join(',', items.Select(item => item.GetRawText()))}},{{outputs}}]""")).JsonAsync();
        Assert.Equal("Warm.", second.Text());
        var turns = prompt[prompt.IndexOf("Hi<106>", StringComparison.Ordinal)..];
        Assert.StartsWith(
            "Hi<106>\n<105>model\nOk.\n" + Calls + "<106>\n<105>user\n```tool_output\nget_weather!\n```\n\n```tool_output\nget_time!\n```<106>\n<105>model\n",
            turns, StringComparison.Ordinal);
        var input = await server.GetAsync($"/v1/responses/{second.Id()}/input_items");
        Assert.Contains("function_call_output", input.GetRawText(), StringComparison.Ordinal);
    }
}
