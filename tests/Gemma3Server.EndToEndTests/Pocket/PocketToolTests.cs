using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Pocket.Curriculum;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine.Structured.Tools;
using ToolFormat = Gemma3Server.Chat.Tools.ToolFormat;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>The built-in model calls tools over HTTP: the server writes prompts exactly as the model learned them.</summary>
public sealed class PocketToolTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Preamble_IsWhatTheModelLearned()
    {
        var declaration = ToolFormat.Declaration("get_weather", "Weather of a city", """{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}""");
        ToolDeclaration[] tools = [new("", declaration, new("get_weather", ""))];
        Assert.Equal(
            Gemma3Pocket.Curriculum.ToolFormat.FirstTurn(
                $"[{Gemma3Pocket.Curriculum.ToolFormat.Declaration("get_weather", "Weather of a city", [("city", "string")])}]", "Hi"),
            ToolFormat.Preamble(ToolCallForm.Json, tools) + "Hi");
        Assert.Equal(
            Gemma3Pocket.Curriculum.ToolFormat.Call("f", [("a", "1"), ("b", "\"x\"")]), ToolFormat.Calls(ToolCallForm.Json, [("f", """{"a":1,"b":"x"}""")]));
        Assert.Equal(Gemma3Pocket.Curriculum.ToolFormat.Result("{}"), ToolFormat.Result("{}"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Ask_HeldOutQuestions_AreCalledAndAnswered(bool stream)
    {
        var generator = new CurriculumGenerator(seed: stream ? 11UL : 12, LessonSplit.HeldOut);
        var (calls, answers) = (0, 0);
        const int Count = 25;
        for (var i = 0; i < Count; i++)
        {
            var lesson = generator.Next(Skill.ToolResult);
            var request = Request(lesson);
            var called = await AskAsync(request, stream);
            if (called.Calls is not [var (id, name, arguments)]) continue;
            using var expected = JsonDocument.Parse(lesson.Turns[1].Text);
            if (name != expected.RootElement.GetProperty("name").GetString()
                || !JsonNode.DeepEquals(JsonNode.Parse(arguments), JsonNode.Parse(expected.RootElement.GetProperty("parameters").GetRawText()))) continue;
            calls++;
            Assert.Equal("tool_calls", called.Reason);

            // A client keeps the message, as it came, and adds the result.
            var messages = request["messages"]!.AsArray();
            var function = new JsonObject { ["name"] = name, ["arguments"] = arguments };
            messages.Add(new JsonObject
            {
                ["role"] = "assistant",
                ["tool_calls"] = new JsonArray(new JsonObject { ["id"] = id, ["type"] = "function", ["function"] = function }),
            });
            var result = lesson.Turns[2].Text.Split('\n')[1];
            messages.Add(new JsonObject { ["role"] = "tool", ["tool_call_id"] = id, ["content"] = result });
            var answer = await AskAsync(request, stream);
            if (answer.Text == lesson.Answer && answer.Reason == "stop") answers++;
        }

        // As in the exam: nearly all of them.
        Assert.True(calls >= Count - 2 && answers >= calls - 1, $"{calls} calls and {answers} answers of {Count}");
    }

    [Fact]
    public async Task Ask_RequiredOrNamed_IsCalledWithValidArguments()
    {
        var request = Request(new CurriculumGenerator(seed: 4, LessonSplit.HeldOut).Next(Skill.ToolResult));
        var tools = request["tools"]!.AsArray();
        tools.Add(JsonNode.Parse("""{"type":"function","function":{"name":"paint","parameters":{"type":"object","properties":{"colour":{"enum":["red","blue"]},"coats":{"type":"integer","minimum":1,"maximum":3}},"required":["colour","coats"]}}}"""));
        request["tool_choice"] = JsonNode.Parse("""{"type":"function","function":{"name":"paint"}}""");
        request["parallel_tool_calls"] = false;
        for (var seed = 0; seed < 20; seed++)
        {
            (request["seed"], request["temperature"]) = (seed, 2);
            var (_, calls, reason) = await AskAsync(request, stream: false);
            var (_, name, arguments) = Assert.Single(calls);
            Assert.Equal(("paint", "tool_calls"), (name, reason));
            var given = JsonNode.Parse(arguments)!;
            Assert.Contains(given["colour"]!.GetValue<string>(), (string[])["red", "blue"]);
            Assert.InRange(given["coats"]!.GetValue<int>(), 1, 3);
        }
    }

    /// <summary>The first turn of a lesson, taken apart into tools and question as a client sends them.</summary>
    private static JsonObject Request(Lesson lesson)
    {
        var lines = lesson.Turns[0].Text.Split('\n');
        var tools = JsonNode.Parse(lines.First(line => line.StartsWith("[{", StringComparison.Ordinal)))!.AsArray();
        return new()
        {
            ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = lines[^1] }),
            ["tools"] = new JsonArray([.. tools.Select(tool => new JsonObject { ["type"] = "function", ["function"] = tool!.DeepClone() })]),
            ["temperature"] = 0,
        };
    }

    private async Task<(string Text, List<(string Id, string Name, string Arguments)> Calls, string Reason)> AskAsync(JsonObject request, bool stream)
    {
        request["stream"] = stream;
        using var response = await fixture.Process.Http.PostAsJsonAsync("v1/chat/completions", request, Cancellation);
        var body = await response.Content.ReadAsStringAsync(Cancellation);
        Assert.True(response.IsSuccessStatusCode, body);
        var messages = stream
            ? body.Split("\n\n").Where(line => line.StartsWith("data: {", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line["data: ".Length..])!)
            : [JsonNode.Parse(body)!];
        var text = new StringBuilder();
        List<(string Id, string Name, string Arguments)> calls = [];
        var reason = "";
        foreach (var choice in messages.Select(message => message["choices"]![0]!))
        {
            var part = choice[stream ? "delta" : "message"]!;
            text.Append(part["content"]?.GetValue<string>());
            reason = choice["finish_reason"]?.GetValue<string>() ?? reason;
            foreach (var call in part["tool_calls"]?.AsArray() ?? [])
            {
                var function = call!["function"]!;
                if (call["id"] is { } id) calls.Add((id.GetValue<string>(), function["name"]!.GetValue<string>(), ""));
                calls[^1] = calls[^1] with { Arguments = calls[^1].Arguments + function["arguments"]!.GetValue<string>() };
            }
        }

        return (text.ToString(), calls, reason);
    }
}
