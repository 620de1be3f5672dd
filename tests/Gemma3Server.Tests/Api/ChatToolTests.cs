using System.Text.Json;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>Tools over HTTP, with answers that are scripted: what the model sees, and what the client gets.</summary>
public sealed class ChatToolTests
{
    private const string Head = """{"id":"chatcmpl-ID","object":"chat.completion.chunk","created":1800000000,"model":"gemma-test","system_fingerprint":"fp_X",""";
    private const string Call = """{"name": "get_weather", "parameters": {"city": "Rome"}}""";

    private const string Preamble =
        "You have access to functions. If you decide to invoke any of the function(s),\n you MUST put it in the format of\n"
        + "{\"name\": function name, \"parameters\": dictionary of argument name and its value}\n\n"
        + "You SHOULD NOT include any other text in the response if you call a function\n" + ChatTools.Declarations + "\n\n";

    [Fact]
    public async Task Post_Call_IsAToolCall()
    {
        await using var server = await TestServer.StartAsync(Call);
        using var response = await server.PostAsync(TestServer.Chat(ChatTools.Both()));
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        Assert.Equal(
            """{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"call_ID","type":"function","function":{"name":"get_weather","arguments":"{\"city\": \"Rome\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"}""",
            body.RootElement.GetProperty("choices")[0].GetRawText());
        Assert.False(response.Headers.Contains("x-ignored-params"));
    }

    [Fact]
    public async Task Post_StreamedCall_HasNameThenArgumentsAndNoMarkup()
    {
        await using var server = await TestServer.StartAsync("Ok.\n```json\n" + """{"name":"get_time"}""".Replace("}", ", \"parameters\": {}}", StringComparison.Ordinal) + "\n```");
        using var response = await server.PostAsync(TestServer.Chat(ChatTools.Both("\"stream\":true")));
        Assert.Equal(
            Event("""{"role":"assistant","content":""}""") + Event("""{"content":"O"}""") + Event("""{"content":"k"}""") + Event("""{"content":"."}""")
            + Event("""{"tool_calls":[{"index":0,"id":"call_ID","type":"function","function":{"name":"get_time","arguments":""}}]}""")
            + Event("""{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}""")
            + Event("{}", "\"tool_calls\"") + "data: [DONE]\n\n",
            // Bytes that are ready together may leave together or not.
            (await TestServer.ReadAsync(response)).Replace(
                Event("""{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}""") + Event("""{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]}"""),
                Event("""{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]}"""), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(Call + "\n" + """{"name": "get_time", "parameters": {}}""", "", "get_weather{\"city\": \"Rome\"} get_time{} tool_calls")]
    [InlineData("[" + Call + ", " + """{"name": "get_time", "parameters": {}}]""", "", "get_weather{\"city\": \"Rome\"} get_time{} tool_calls")]
    [InlineData(Call + "\n" + """{"name": "get_time", "parameters": {}}""", "\"parallel_tool_calls\":false", "get_weather{\"city\": \"Rome\"} tool_calls")]
    [InlineData("It is warm.", "", "It is warm. stop")]
    [InlineData("It is warm.", "\"max_tokens\":5", "It is length")]
    [InlineData("""{"name": "Bob", "age": 3}""", "", """{"name": "Bob", "age": 3} stop""")]
    [InlineData(Call, "\"tool_choice\":\"none\"", Call + " stop")]
    [InlineData(Call, "\"max_tokens\":46", "get_weather{\"city\": length")]
    [InlineData(Call, "\"max_tokens\":51", "get_weather{\"city\": \"Rom length")]
    [InlineData(Call, "\"max_tokens\":10", "{\"name\": \" length")]
    [InlineData(Call, "\"max_tokens\":10,\"tool_choice\":\"required\"", " length")]
    [InlineData(Call, "\"tool_choice\":\"required\"", "get_weather{\"city\": \"Rome\"} tool_calls")]
    [InlineData(Call, "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"get_weather\"}}", "get_weather{\"city\": \"Rome\"} tool_calls")]
    [InlineData(Call, "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"get_time\"}},\"parallel_tool_calls\":false", "get_time{} tool_calls")]
    [InlineData(Call, "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_time\"}}]}},\"parallel_tool_calls\":false", "get_time{} tool_calls")]
    [InlineData(Call, "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":\"auto\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_time\"}}]}}", Call + " stop")]
    [InlineData("""{"name": "get_weather", "parameters": {"town": 1}}""", "\"temperature\":0,\"max_tokens\":49", "get_weather{\"city\": \"... length")]
    public async Task Post_Answer_IsReadAsTheChoiceSays(string reply, string fields, string expected)
    {
        await using var server = await TestServer.StartAsync(reply);
        using var whole = await server.PostAsync(TestServer.Chat(ChatTools.Both(fields)));
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(whole));
        var choice = body.RootElement.GetProperty("choices")[0];
        Matches(expected, Describe(choice.GetProperty("message"), choice.GetProperty("finish_reason").GetString()!));

        using var stream = await server.PostAsync(TestServer.Chat(ChatTools.Both(fields + (fields.Length > 0 ? "," : "") + "\"stream\":true")));
        Matches(expected, DescribeStream(await TestServer.ReadAsync(stream)));

        static void Matches(string expected, string actual)
        {
            // What the fake picks where the script does not fit is its own business.
            if (expected.Contains("...", StringComparison.Ordinal))
            {
                var parts = expected.Split("...");
                Assert.StartsWith(parts[0], actual, StringComparison.Ordinal);
                Assert.EndsWith(parts[1], actual, StringComparison.Ordinal);
            }
            else
            {
                Assert.Equal(expected, actual);
            }
        }
    }

    [Theory]
    [InlineData("""{"role":"user","content":"Hi"}""", "", "<105>user\n" + Preamble + "Hi<106>\n<105>model\n")]
    [InlineData("""{"role":"user","content":"Hi"}""", ",\"tool_choice\":\"none\"", "<105>user\nHi<106>\n<105>model\n")]
    [InlineData("""{"role":"system","content":"Be kind."},{"role":"user","content":"Hi"}""", "", "<105>user\nBe kind.\n\n" + Preamble + "Hi<106>\n<105>model\n")]
    [InlineData("""{"role":"developer","content":"Hi"}""", "", "<105>user\n" + Preamble + "Hi<106>\n<105>model\n")]
    [InlineData(
        """{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Rome\",\"days\":2}"}}]},{"role":"tool","tool_call_id":"a","content":" warm \n"}""",
        "",
        "<105>user\n" + Preamble + "Hi<106>\n<105>model\n{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Rome\", \"days\": 2}}<106>\n<105>user\n```tool_output\nwarm\n```<106>\n<105>model\n")]
    [InlineData(
        """{"role":"user","content":"Hi"},{"role":"assistant","content":"See. ","tool_calls":[{"id":"a","function":{"name":"get_time","arguments":""}},{"id":"b","function":{"name":"other","arguments":"{bad"}}]},{"role":"tool","tool_call_id":"b","content":"B"},{"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"A"}]},{"role":"user","content":"And?"}""",
        "",
        "<105>user\n" + Preamble + "Hi<106>\n<105>model\nSee.\n{\"name\": \"get_time\", \"parameters\": {}}\n{\"name\": \"other\", \"parameters\": {bad}<106>\n<105>user\n```tool_output\nA\n```\n\n```tool_output\nB\n```\n\nAnd?<106>\n<105>model\n")]
    public async Task Post_Tools_StandInThePrompt(string messages, string fields, string prompt)
    {
        List<int> held = [];
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions
        {
            Next = tokens =>
            {
                held = [.. tokens];
                return FakeTokenizer.EndOfTurn;
            },
        });
        using var response = await server.PostAsync($$"""{"messages":[{{messages}}],{{ChatTools.Both()}}{{fields}}}""");
        Assert.True(response.IsSuccessStatusCode, await TestServer.ReadAsync(response));
        Assert.Equal(prompt, string.Concat(held.Skip(1).Select(t => t >= FakeTokenizer.FirstByte ? $"{(char)(t - FakeTokenizer.FirstByte)}" : $"<{t}>")));
    }

    [Fact]
    public async Task Post_PythonicForm_IsShownAndReadAsSuch()
    {
        await using var server = await TestServer.StartAsync(
            "Ok. [get_weather(city=\"Rome\", days=2), get_time()]", new() { Model = new() { ToolFormat = "pythonic" } });
        foreach (var stream in (string[])["", "\"stream\":true"])
        {
            using var response = await server.PostAsync(TestServer.Chat(ChatTools.Both(stream)));
            var body = await TestServer.ReadAsync(response);
            var choice = stream.Length > 0 ? default : JsonDocument.Parse(body).RootElement.GetProperty("choices")[0];
            var answer = stream.Length > 0 ? DescribeStream(body) : Describe(choice.GetProperty("message"), choice.GetProperty("finish_reason").GetString()!);
            Assert.Equal("Ok.get_weather{\"city\": \"Rome\", \"days\": 2} get_time{} tool_calls", answer);
        }
    }

    [Theory]
    [InlineData("""{"name": "get_time", "age": 3}""", """{"name": "get_time", "age": 3} stop""")]
    [InlineData(Call, "get_weather{\"city\": \"Rome\"} tool_calls")]
    [InlineData($$"""{"name": "me", "age": 3, "calls": [{{Call}}]}""", $$"""{"name": "me", "age": 3, "calls": [{{Call}}]} stop""")]
    public async Task Post_ResponseFormatBesideTools_IsEitherOfThem(string reply, string expected)
    {
        await using var server = await TestServer.StartAsync(reply);
        using var response = await server.PostAsync(TestServer.Chat(ChatTools.Both(
            """
            "response_format":{"type":"json_schema","json_schema":{"name":"p","schema":{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"},"calls":{"type":"array"}},"required":["name","age"]}}}
            """)));
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        var choice = body.RootElement.GetProperty("choices")[0];
        Assert.Equal(expected, Describe(choice.GetProperty("message"), choice.GetProperty("finish_reason").GetString()!));
    }

    [Fact]
    public async Task Post_LogProbabilities_AreThoseOfTheContent()
    {
        await using var server = await TestServer.StartAsync("Ok " + Call);
        using var response = await server.PostAsync(TestServer.Chat(ChatTools.Both("\"logprobs\":true")));
        using var body = JsonDocument.Parse(await TestServer.ReadAsync(response));
        var choice = body.RootElement.GetProperty("choices")[0];
        Assert.Equal("Ok", choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(["O", "k"], choice.GetProperty("logprobs").GetProperty("content").EnumerateArray().Select(token => token.GetProperty("token").GetString()));
    }

    private static string Event(string delta, string finish = "null") =>
        $"data: {Head}\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n";

    private static string Describe(JsonElement message, string reason)
    {
        var text = message.GetProperty("content").GetString() ?? "";
        if (!message.TryGetProperty("tool_calls", out var calls)) return $"{text} {reason}";
        return text + string.Join(' ', calls.EnumerateArray().Select(call =>
            call.GetProperty("function").GetProperty("name").GetString() + call.GetProperty("function").GetProperty("arguments").GetString())) + " " + reason;
    }

    private static string DescribeStream(string stream)
    {
        var (text, calls, reason) = ("", new List<string>(), "");
        foreach (var choice in ChatBodies.Events(stream).SelectMany(chunk => chunk.GetProperty("choices").EnumerateArray()))
        {
            var delta = choice.GetProperty("delta");
            if (delta.TryGetProperty("content", out var content)) text += content.GetString();
            foreach (var call in delta.TryGetProperty("tool_calls", out var list) ? list.EnumerateArray().ToArray() : [])
            {
                var function = call.GetProperty("function");
                if (call.TryGetProperty("id", out _)) calls.Add(function.GetProperty("name").GetString()!);
                Assert.Equal(calls.Count - 1, call.GetProperty("index").GetInt32());
                calls[^1] += function.GetProperty("arguments").GetString();
            }

            reason = choice.GetProperty("finish_reason").GetString() ?? reason;
        }

        return $"{text}{string.Join(' ', calls)} {reason}";
    }
}
