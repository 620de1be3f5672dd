using System.Text.Json;
using System.Text.Json.Nodes;
using Gemma3Server.Engine.Tests.Structured;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Json.Schema;

namespace Gemma3Server.Tests.Api;

/// <summary>Random tools, and a model that writes any byte that it may: what comes back over HTTP is valid all the same.</summary>
public sealed class RandomToolTests
{
    private static readonly EvaluationOptions Strict = new() { RequireFormatValidation = true };

    [Theory]
    [InlineData("json", 1)]
    [InlineData("pythonic", 2)]
    public async Task Post_RandomTools_ArgumentsAreValid(string form, int seed)
    {
        var random = new Random(seed);
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { ContextLength = 8192 }, new() { Model = new() { ToolFormat = form } });
        var (called, cut, several) = (0, 0, 0);
        for (var round = 0; round < 120; round++)
        {
            var schemas = Enumerable.Range(0, random.Next(1, 4)).ToDictionary(n => $"tool_{n}", _ => Parameters(random));
            var (parallel, stream) = (random.Next(2) == 0, random.Next(2) == 0);
            var allowed = random.Next(3) == 0 ? "tool_0" : null;
            var request = new JsonObject
            {
                ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Hi" }),
                ["tools"] = new JsonArray([.. schemas.Select(tool => new JsonObject
                {
                    ["type"] = "function",
                    ["function"] = new JsonObject { ["name"] = tool.Key, ["parameters"] = tool.Value.DeepClone() },
                })]),
                ["tool_choice"] = allowed is null ? "required" : new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = allowed } },
                ["parallel_tool_calls"] = parallel,
                ["stream"] = stream,
                ["seed"] = round,
                ["temperature"] = 2,
                ["top_k"] = 0,
                ["top_p"] = 1,
                ["max_tokens"] = 400,
            };
            using var response = await server.PostAsync(request.ToJsonString());
            var body = await TestServer.ReadAsync(response);
            Assert.True(response.IsSuccessStatusCode, body);
            var (calls, reason) = Read(body);
            Assert.Contains(reason, (string[])["tool_calls", "length"]);
            Assert.True(parallel || calls.Count == 1, body);
            if (reason == "tool_calls") called++;
            else cut++;
            if (calls.Count > 1) several++;
            foreach (var (index, (name, arguments)) in calls.Index())
            {
                Assert.True(allowed is null || name == allowed, name);
                if (reason == "length" && index == calls.Count - 1)
                {
                    AssertIsBeginning(arguments);
                    continue;
                }

                using var json = JsonDocument.Parse(arguments, new() { MaxDepth = 500 });
                Assert.True(JsonSchema.FromText(schemas[name].ToJsonString()).Evaluate(json.RootElement, Strict).IsValid, $"{schemas[name]}\n{arguments}");
            }
        }

        Assert.True(called > 30 && cut > 3 && several > 5, $"{called} called, {cut} cut off, {several} with several calls.");
    }

    /// <summary>An object whose one property has a random schema; references lead to where that stands now.</summary>
    private static JsonNode Parameters(Random random) => JsonNode.Parse(
        $$"""{"type":"object","properties":{"value":{{new SchemaGenerator(random).Make().Schema.ToJsonString()}}},"required":["value"]}"""
            .Replace("\"#/$defs/", "\"#/properties/value/$defs/", StringComparison.Ordinal))!;

    /// <summary>Text that goes on to be JSON: the reader asks for more, and finds no fault.</summary>
    private static void AssertIsBeginning(string json)
    {
        var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(json), isFinalBlock: false, new JsonReaderState(new() { MaxDepth = 500 }));
        while (reader.Read())
        {
        }
    }

    private static (List<(string Name, string Arguments)> Calls, string Reason) Read(string body)
    {
        var isWhole = body.StartsWith('{');
        List<(string Name, string Arguments)> calls = [];
        var reason = "";
        foreach (var choice in isWhole ? JsonDocument.Parse(body).RootElement.GetProperty("choices").EnumerateArray() : ChatBodies.Events(body).Select(e => e.GetProperty("choices")[0]))
        {
            var part = choice.GetProperty(isWhole ? "message" : "delta");
            Assert.True(!part.TryGetProperty("content", out var content) || content.GetString() is null or "", body);
            reason = choice.GetProperty("finish_reason").GetString() ?? reason;
            foreach (var call in part.TryGetProperty("tool_calls", out var list) ? list.EnumerateArray().ToArray() : [])
            {
                var function = call.GetProperty("function");
                if (function.TryGetProperty("name", out var name)) calls.Add((name.GetString()!, ""));
                calls[^1] = calls[^1] with { Arguments = calls[^1].Arguments + function.GetProperty("arguments").GetString() };
            }
        }

        return (calls, reason);
    }
}
